"""The port where a process shows its metrics; which ones is up to what it imports."""

import contextlib
from collections.abc import Iterator

from prometheus_client import start_http_server

from pipeline.runtime import SettingsError


@contextlib.contextmanager
def metrics_server(host: str, port: int) -> Iterator[None]:
    """Serve this process's metrics while the block runs.

    Args:
        host: Address to listen on, and on no other.
        port: Port to listen on; 0: none, nothing is served.

    Raises:
        SettingsError: If the port is taken, or the address is none of this machine.
    """
    if port == 0:
        yield
        return
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        raise SettingsError(
            f"TAPEWATCH_METRICS_HOST, TAPEWATCH_METRICS_PORT: cannot listen on {host} port {port}: "
            f"{error}"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
