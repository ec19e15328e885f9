"""The detect job: how far event time is complete, and everything up to there evaluated.

What one transaction does lives in ``pipeline.stages.detect``.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from db.engine import Engine, transaction
from db.trends import partition_progress
from pipeline.offsets import Offsets
from pipeline.rules import Rules
from pipeline.scheduler_metrics import ALERT_EVENTS, WATERMARK_AGE
from pipeline.settings import Settings
from pipeline.stages import detect
from pipeline.stages.watermark import watermark

log = structlog.stdlib.get_logger(__name__)


class Detection:
    """The detect job: finds how far event time is complete and evaluates up to there.

    Args:
        engine: Used in short transactions, one after the other.
        offsets: Tells what waits in the broker.
        settings: The topic, the lateness and its bound.
        rules: Which series alert, and when.
        now: The wall clock, for what is dated in the future.
        stopping: Ends a long run between two transactions.
    """

    def __init__(
        self,
        engine: Engine,
        offsets: Offsets,
        settings: Settings,
        *,
        rules: Rules,
        now: Callable[[], datetime],
        stopping: threading.Event,
    ) -> None:
        self._engine = engine
        self._offsets = offsets
        self._settings = settings
        self._rules = rules
        self._now = now
        self._stopping = stopping
        self._max_late = timedelta(seconds=settings.detect.max_late_s)
        self._last_ends: dict[int, int] | None = None

    def tick(self) -> None:
        """Evaluate what is complete, one transaction after the other.

        Raises:
            DatabaseAway: If the database is away; what was committed stays.
            BrokerAway: If the broker is away.
        """
        complete_until = self._watermark()
        if complete_until is None:
            return
        WATERMARK_AGE.set((self._now() - complete_until).total_seconds())
        reached = False
        while not reached and not self._stopping.is_set():
            with transaction(self._engine) as session:
                step = detect.tick(
                    session, watermark=complete_until, rules=self._rules, max_late=self._max_late
                )
            for event in step.events if step else ():
                ALERT_EVENTS.labels(event.type).inc()
                log.info(event.type, alert=str(event.alert_id), event_at=event.at.isoformat())
            reached = step is None or step.until >= complete_until

    def _watermark(self) -> datetime | None:
        topic = self._settings.kafka.raw_topic
        with transaction(self._engine) as session:
            progress = partition_progress(session, topic)
        ends = self._offsets.end_offsets(topic, progress)
        idle, self._last_ends = ends == self._last_ends, ends
        lateness = timedelta(seconds=self._settings.detect.lateness_s)
        complete_until = watermark(progress, ends, lateness=lateness, idle=idle)
        # An item dated ahead of the clock must not make all that come before its date late.
        return min(complete_until, self._now() - lateness) if complete_until else None
