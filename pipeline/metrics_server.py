"""The port where a process shows its metrics; which ones is up to what it imports."""

import contextlib
from collections.abc import Iterator

from prometheus_client import start_http_server

from pipeline.runtime import SettingsError


@contextlib.contextmanager
def metrics_server(port: int) -> Iterator[None]:
    """Serve this process's metrics on a port while the block runs; 0: do not.

    Raises:
        SettingsError: If the port is taken.
    """
    if port == 0:
        yield
        return
    try:
        server, thread = start_http_server(port)
    except OSError as error:
        raise SettingsError(f"TAPEWATCH_METRICS_PORT: cannot listen on {port}: {error}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
