"""Prometheus metrics of the scheduler, and the port where a process shows its metrics."""

import contextlib
from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from pipeline.runtime import SettingsError

TICKS = Counter("tapewatch_ticks_total", "Runs of a scheduler's job.", ["job", "result"])
TICK_SECONDS = Histogram(
    "tapewatch_tick_seconds", "How long a run of a scheduler's job took.", ["job"]
)
ALERT_EVENTS = Counter("tapewatch_alert_events_total", "What was said about alerts.", ["type"])
DELIVERIES = Counter("tapewatch_deliveries_total", "Attempts to deliver an event.", ["outcome"])
WATERMARK_AGE = Gauge(
    "tapewatch_watermark_age_seconds",
    "Wall clock less the event time up to which all is stored; large in a replay of the past.",
)


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
