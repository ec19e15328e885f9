"""The web service, or another app, on a port of its own; for tests and benchmarks/page.py."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from pipeline.settings import Settings
from pipeline.web.app import create_app

_START_S = 60  # a busy machine is slow


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the web service on loopback in a thread; yield its address."""
    app = create_app(settings)
    with serving_app(app) as port:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            app.state.services.follower.stopping.set()  # open pages hold streams


@contextmanager
def serving_app(app: FastAPI) -> Iterator[int]:
    """Serve an app on loopback in a thread; yield its port. It is down after the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + _START_S
            while not server.started and thread.is_alive() and time.monotonic() < until:
                time.sleep(0.02)
            assert server.started
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
