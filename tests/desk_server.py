"""The web service on a port of its own, for browsers; used by tests and benchmarks/page.py."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pipeline.settings import Settings
from pipeline.web.app import create_app

_START_S = 20


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the app on loopback in a thread; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(settings)
        config = uvicorn.Config(app, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + _START_S
            while not server.started and thread.is_alive() and time.monotonic() < until:
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            if server.started:
                app.state.services.follower.stopping.set()  # open pages hold streams
            server.should_exit = True
            thread.join()
