"""The process that detects, delivers, and removes what is too old.

What its jobs do lives in ``pipeline.detection`` and ``pipeline.stages``. Any number of
schedulers may run: detection goes to whoever gets the lock, deliveries to whoever claims them.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import structlog

from alerts.delivery.transport import guarded_client
from db.engine import DatabaseAway
from pipeline.backoff import Outage
from pipeline.detection import Detection
from pipeline.jobs import Job, Stop, clock
from pipeline.metrics_server import metrics_server
from pipeline.offsets import OffsetReader
from pipeline.retention import EVERY_S, Retention
from pipeline.runtime import build_rules, opened_engine, require_key
from pipeline.scheduler_metrics import DELIVERIES
from pipeline.schema import NotMigrated, Schema
from pipeline.settings import Settings
from pipeline.source_watch import SourceWatch
from pipeline.stages.deliver import Lanes
from pipeline.stages.sending import ChatMessage, SignedPost, ToTarget
from pipeline.topics import BrokerAway

log = structlog.stdlib.get_logger(__name__)

# SIGTERM must end the process within ten seconds, whatever an endpoint or the database does.
STOP_S = 8.0


def run(settings: Settings) -> None:
    """Detect and deliver until SIGTERM or SIGINT; returns within ten seconds of it.

    Raises:
        SettingsError: If the settings lack what a scheduler needs.
        RulesError: If the file of rules cannot be used.
        Exception: The bug that stopped it.
    """
    key = require_key(settings)
    rules = build_rules(settings)
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.on_signal)
    with (
        metrics_server(settings.metrics_host, settings.metrics_port),
        OffsetReader(settings.kafka) as offsets,
        # One for each job: a reader is for one thread.
        OffsetReader(settings.kafka) as listened,
        _client(settings) as client,
        opened_engine(settings) as engine,
    ):
        detection = Detection(
            engine, offsets, settings, rules=rules, now=utc_now, stopping=stop.event
        )
        timeout_s = settings.delivery.timeout_s
        lanes = Lanes(
            engine,
            send=_sender(settings, client, key=key),
            timeout_s=timeout_s,
            now=utc_now,
            on_outcome=lambda outcome: DELIVERIES.labels(outcome.value).inc(),
        )
        retention = Retention(engine, settings.retention, now=utc_now, stopping=stop.event)
        sources = SourceWatch(engine, listened, settings, now=utc_now)
        _run_jobs(settings, detection, sources, lanes, retention, stop)
    if stop.bug is not None:
        raise stop.bug


def _run_jobs(
    settings: Settings,
    detection: Detection,
    sources: SourceWatch,
    lanes: Lanes,
    retention: Retention,
    stop: Stop,
) -> None:
    """Run the jobs until there is a reason to stop, then let them come to their end."""
    schema = Schema(settings.database.url.get_secret_value())
    # Shared by the jobs, so that one outage is told once.
    database = Outage("database")
    store: dict[type[Exception], Outage] = {DatabaseAway: database, NotMigrated: database}
    stream: dict[type[Exception], Outage] = {BrokerAway: Outage("broker")}
    detect = Job(
        "detect", detection.tick, schema=schema, outages=store | stream, on_bug=stop.on_bug
    )
    deliver = Job("deliver", lanes.tick, schema=schema, outages=store, on_bug=stop.on_bug)
    remove = Job("retention", retention.tick, schema=schema, outages=store, on_bug=stop.on_bug)
    listen = Job("sources", sources.tick, schema=schema, outages=store | stream, on_bug=stop.on_bug)
    ticking = clock(
        {
            detect: settings.detect.tick_s,
            deliver: settings.delivery.tick_s,
            remove: EVERY_S,
            listen: settings.detect.sources_tick_s,
        }
    )
    ticking.start()
    log.info("scheduler_started")
    stop.wait()
    with _cut_off_after(STOP_S, status=0 if stop.bug is None else 1):
        ticking.shutdown()
        lanes.close(STOP_S / 2)
    log.info("scheduler_stopped")


def _sender(settings: Settings, client: httpx.Client, *, key: str) -> ToTarget:
    delivery = settings.delivery
    return ToTarget(
        SignedPost(client, key=key, timeout_s=delivery.timeout_s),
        ChatMessage(
            key=key,
            allow_hosts=delivery.allow_hosts,
            desk_url=delivery.desk_url,
            timeout_s=delivery.timeout_s,
        ),
    )


def _client(settings: Settings) -> httpx.Client:
    delivery = settings.delivery
    return guarded_client(allow_hosts=delivery.allow_hosts, timeout_s=delivery.timeout_s)


@contextlib.contextmanager
def _cut_off_after(wait_s: float, *, status: int) -> Iterator[None]:
    """End the process if the block takes longer: what was not committed is done again."""
    timer = threading.Timer(wait_s, os._exit, args=(status,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def utc_now() -> datetime:
    """Return the wall clock's time: for leases, retries and what is dated in the future."""
    return datetime.now(UTC)
