"""Runs the app under uvicorn until SIGTERM or SIGINT."""

import signal
import socket
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from pipeline.runtime import SettingsError
from pipeline.settings import Settings
from pipeline.web.app import create_app
from pipeline.web.services import Services

log = structlog.stdlib.get_logger(__name__)

# SIGTERM must end the process within ten seconds, whatever a caller does.
_STOP_S = 8


def run(settings: Settings) -> None:
    """Serve the API; blocks.

    Raises SettingsError if the settings lack what it needs, or the port is taken.
    """
    app = create_app(settings)
    with _listen(settings.web.host, settings.web.port) as listening:
        host, port = listening.getsockname()[:2]
        log.info("web_started", host=host, port=port)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
        server = _Server(config, app)
        # Uvicorn stops at a signal and then raises it again for whoever was there before: us.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        server.run(sockets=[listening])
    log.info("web_stopped")


class _Server(uvicorn.Server):
    """Ends open streams at the first signal: they would else hold the process back."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        services: Services | None = getattr(self._app.state, "services", None)
        if services is not None:
            services.follower.stopping.set()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).split(" (", 1)[0]
        raise SettingsError(
            f"cannot listen on {host} port {port} ({reason}); set TAPEWATCH_WEB__HOST and "
            "TAPEWATCH_WEB__PORT"
        ) from error
