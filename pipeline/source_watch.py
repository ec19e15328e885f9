"""The sources job: until when every source was listened to, and which of them fell silent.

What one transaction does lives in ``pipeline.stages.source_silence``.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from db.engine import Engine, transaction
from db.trends import partition_progress
from pipeline.offsets import Offsets
from pipeline.settings import Settings
from pipeline.stages.source_silence import watch_sources
from pipeline.stages.watermark import heard_until

log = structlog.stdlib.get_logger(__name__)


class SourceWatch:
    """The sources job: looks which sources fell silent.

    Args:
        engine: Used in short transactions.
        offsets: Tells what waits in the broker.
        settings: The topic and the lateness.
        now: The wall clock: a source is silent while nothing comes at all.
    """

    def __init__(
        self, engine: Engine, offsets: Offsets, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._offsets = offsets
        self._settings = settings
        self._now = now

    def tick(self) -> None:
        """Look at every source once.

        Raises:
            DatabaseAway: If the database is away.
            BrokerAway: If the broker is away.
        """
        topic = self._settings.kafka.raw_topic
        with transaction(self._engine) as session:
            progress = partition_progress(session, topic)
        until = heard_until(
            progress,
            self._offsets.end_offsets(topic, progress),
            lateness=timedelta(seconds=self._settings.detect.lateness_s),
            now=self._now(),
        )
        if until is None:
            return
        with transaction(self._engine) as session:
            said = watch_sources(session, now=until)
        for notice in said:
            log.info(notice.type, event_at=notice.timestamp.isoformat())
