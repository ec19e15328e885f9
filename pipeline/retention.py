"""The job that removes what is older than the settings keep it, and keeps the partitions."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from alerts.source_silence import HISTORY
from db.copies import COPY_WINDOW
from db.engine import Engine, Session, TooSlow, transaction
from db.locks import try_lock
from db.partitions import PartitionsRefused, add_missing_month, drop_oldest_month
from db.retention import Kept, remove_old
from db.spent import Spent, newest_event, remove_spent
from pipeline.scheduler_metrics import REMOVED
from pipeline.settings import RetentionSettings

log = structlog.stdlib.get_logger(__name__)

EVERY_S = 3600.0
# One transaction: short enough that no worker waits for it.
_BATCH = 2000
_LOCK = "retention"
# An item is at most so late (detect.max_late_s), and the newest one at most so far ahead.
_LATEST = timedelta(days=7)
# How far before the newest event something is of use.
_REACH = {Spent.TEXTS: COPY_WINDOW + _LATEST, Spent.SOURCE_SLOTS: HISTORY + _LATEST}


class Retention:
    """Removes old rows in batches and old months whole; of several schedulers one does.

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
        """Make the partitions that are missing, and remove all that is too old.

        Where the removal of one kind takes too long the others follow all the same; then TooSlow
        is raised. Raises DatabaseAway as ``db.engine.transaction`` does.
        """
        now = self._now()
        self._change_months(partial(add_missing_month, now=now), "month_added")
        works: list[Callable[[], None]] = [self._remove_spent]
        for kept in Kept:
            days = getattr(self._settings, f"{kept.value}_days")
            if days:
                before = now - timedelta(days=days)
                if kept is Kept.TRENDS:
                    drop = partial(drop_oldest_month, before=before)
                    works.append(partial(self._change_months, drop, "month_dropped"))
                works.append(partial(self._remove, kept, before))
        slow: TooSlow | None = None
        for work in works:
            try:
                work()
            except TooSlow as error:
                slow = slow or error
        if slow is not None:
            raise slow

    def _remove_spent(self) -> None:
        with transaction(self._engine) as session:
            newest = newest_event(session)
        if newest is None:
            return
        for spent, reach in _REACH.items():
            before = newest - reach
            remove = partial(remove_spent, what=spent, before=before, limit=_BATCH)
            self._in_batches(spent.value, remove, before=before)

    def _change_months(self, change: Callable[[Session], datetime | None], told: str) -> None:
        """Change one partition after the other, each in a transaction, until none is left."""
        while not self._stopping.is_set():
            try:
                with transaction(self._engine) as session:
                    month = change(session) if try_lock(session, _LOCK) else None
            except PartitionsRefused as error:
                log.warning("partitions_refused", detail=str(error))
                return
            if month is None:
                return
            log.info(told, table="trend_5m", month=f"{month:%Y-%m}")

    def _remove(self, kept: Kept, before: datetime) -> None:
        keep_evidence = self._settings.keep_evidence
        remove = partial(
            remove_old, what=kept, before=before, limit=_BATCH, keep_evidence=keep_evidence
        )
        self._in_batches(kept.value, remove, before=before)

    def _in_batches(self, what: str, remove: Callable[[Session], int], *, before: datetime) -> None:
        removed, found = 0, _BATCH
        while found == _BATCH and not self._stopping.is_set():
            with transaction(self._engine) as session:
                if not try_lock(session, _LOCK):
                    return
                found = remove(session)
            REMOVED.labels(what).inc(found)
            removed += found
        if removed:
            log.info("removed", what=what, rows=removed, before=before.isoformat())
