"""Prometheus metrics of the whole chain, read from what it stored: alike in every web process.

Each process counts its own work besides (``pipeline.metrics``, ``pipeline.scheduler_metrics``).
"""

import threading
import time

from prometheus_client import Gauge

from db.engine import DatabaseAway, transaction
from db.health import Health, Latency, recent_health
from pipeline.schema import NotMigrated
from pipeline.series import newest_item_at
from pipeline.web.desk.views import Source, sources
from pipeline.web.services import Services

_FRESH_S = 30.0

STORE_SECONDS = Gauge(
    "tapewatch_event_to_store_seconds",
    "From event time to the database, items of the last 10 minutes.",
    ["quantile"],
)
ALERT_SECONDS = Gauge(
    "tapewatch_event_to_alert_seconds",
    "From event time to an alert's event in the database, of the last hour.",
    ["quantile"],
)
RECENT_ITEMS = Gauge(
    "tapewatch_recent_items", "Items stored in the last 10 minutes.", ["sentiment"]
)
SOURCES = Gauge(
    "tapewatch_sources", "Sources of the last seven days, by how long they are silent.", ["state"]
)


class ChainMetrics:
    """Sets the gauges, at most every 30 s; threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown_s = float("-inf")

    def show(self, services: Services) -> None:
        """Set the gauges to what the database says now; what is not known is not shown."""
        with self._lock:
            if time.monotonic() - self._shown_s < _FRESH_S:
                return
            self._shown_s = time.monotonic()
            try:
                services.schema.require()
                with transaction(services.engine) as session:
                    newest = newest_item_at(session, services.settings.kafka.raw_topic)
                    _set(recent_health(session), sources(session, newest))
            except (DatabaseAway, NotMigrated):
                _set(Health({}, None, None), [])


def _set(health: Health, known: list[Source]) -> None:
    _set_latency(STORE_SECONDS, health.store)
    _set_latency(ALERT_SECONDS, health.alert)
    RECENT_ITEMS.clear()
    for sentiment, count in health.items.items():
        RECENT_ITEMS.labels(sentiment).set(count)
    for state in ("ok", "quiet", "silent"):
        SOURCES.labels(state).set(sum(source.state == state for source in known))


def _set_latency(gauge: Gauge, latency: Latency | None) -> None:
    gauge.clear()
    if latency is not None:
        gauge.labels("0.5").set(latency.median_s)
        gauge.labels("0.95").set(latency.p95_s)
