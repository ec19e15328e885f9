"""The job that removes what is older than the settings keep it."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from db.engine import Engine, transaction
from db.locks import try_lock
from db.retention import Kept, remove_old
from pipeline.scheduler_metrics import REMOVED
from pipeline.settings import RetentionSettings

log = structlog.stdlib.get_logger(__name__)

EVERY_S = 3600.0
# One transaction: short enough that no worker waits for it.
_BATCH = 2000
_LOCK = "retention"


class Retention:
    """Removes old rows in batches, wherever several schedulers run in one of them.

    Args:
        engine: The database.
        settings: For how many days each kind is kept.
        now: The wall clock's time.
        stopping: Set when the process is to end.
    """

    def __init__(
        self,
        engine: Engine,
        settings: RetentionSettings,
        *,
        now: Callable[[], datetime],
        stopping: threading.Event,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._now = now
        self._stopping = stopping

    def tick(self) -> None:
        """Remove all that is too old; raises DatabaseAway as ``db.engine.transaction`` does."""
        for kept in Kept:
            days = getattr(self._settings, f"{kept.value}_days")
            if days:
                self._remove(kept, self._now() - timedelta(days=days))

    def _remove(self, kept: Kept, before: datetime) -> None:
        removed, found = 0, _BATCH
        while found == _BATCH and not self._stopping.is_set():
            with transaction(self._engine) as session:
                if not try_lock(session, _LOCK):
                    return
                found = remove_old(
                    session,
                    kept,
                    before=before,
                    limit=_BATCH,
                    keep_evidence=self._settings.keep_evidence,
                )
            REMOVED.labels(kept.value).inc(found)
            removed += found
        if removed:
            log.info("removed", what=kept.value, rows=removed, before=before.isoformat())
