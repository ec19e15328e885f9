"""How far the chain has come: what the file holds, what of it is stored, what has been said."""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from db.detect_states import detect_state
from db.engine import transaction
from db.outbox import pending
from db.trends import partition_progress
from pipeline.messages import Limits
from pipeline.offsets import OffsetReader
from pipeline.runtime import build_engine
from pipeline.settings import Settings
from pipeline.sources.base import Unreadable
from pipeline.sources.replay import Lines
from pipeline.stages.alerting import DETECTOR

_CLOCK_SLACK = timedelta(seconds=10)
_COUNTS = """
SELECT (SELECT count(*) FROM v_items), (SELECT count(*) FROM v_alerts),
       (SELECT count(*) FROM v_alerts WHERE state = 'firing')
"""


@dataclass(frozen=True, slots=True)
class Census:
    """What a recording holds."""

    items: int
    distinct: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the chain stands at one moment.

    Attributes:
        event_at: Newest event time stored; None before the first item.
        all_stored: Everything on the raw topic has been stored or has become a dead letter.
        all_said: All that is stored has been evaluated and all alert events have been delivered.
    """

    stored: int
    dead_letters: int
    alerts: int
    firing: int
    event_at: datetime | None
    all_stored: bool
    all_said: bool

    @property
    def finished(self) -> bool:
        """Whether nothing is under way."""
        return self.all_stored and self.all_said


def take_census(path: Path, *, limits: Limits, until: datetime | None) -> Census:
    """Read a recording through, the way ``replay`` will; SourceError if it cannot be read."""
    items = unreadable = 0
    ids: set[str] = set()
    for record in Lines(path, limits, until).records():
        if isinstance(record, Unreadable):
            unreadable += 1
        else:
            items += 1
            ids.add(record.id or "")
    return Census(items + unreadable, len(ids), unreadable)


class Watcher:
    """Looks at database and broker; a context manager that closes its connections."""

    def __init__(self, settings: Settings) -> None:
        """Connect to the database of the settings, which is migrated."""
        self._kafka = settings.kafka
        self._engine = build_engine(settings)
        self._offsets = OffsetReader(settings.kafka)
        self._views = psycopg.connect(settings.database.url.get_secret_value(), autocommit=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        with contextlib.closing(self._views):
            self._offsets.close()
            self._engine.dispose()

    def look(self) -> Standing:
        """Return where the chain stands; BrokerAway or DatabaseAway if a server does not answer."""
        with transaction(self._engine) as session:
            progress = partition_progress(session, self._kafka.raw_topic)
            evaluated = detect_state(session, DETECTOR)
            waiting = pending(session)
        # After the progress: what comes in between makes us wait, never end too early.
        ends = self._offsets.end_offsets(self._kafka.raw_topic, progress)
        dead = sum(self._offsets.end_offsets(self._kafka.dead_letter_topic).values())
        done = {partition: row.next_offset for partition, row in progress.items()}
        times = [row.event_at for row in progress.values() if row.event_at is not None]
        newest = max(times, default=None)
        stored, alerts, firing = self._views.execute(_COUNTS).fetchone() or (0, 0, 0)
        return Standing(
            stored=stored,
            dead_letters=dead,
            alerts=alerts,
            firing=firing,
            event_at=newest.astimezone(UTC) if newest else None,
            all_stored=all(done.get(partition, 0) >= end for partition, end in ends.items()),
            all_said=waiting == 0 and _evaluated(evaluated, newest),
        )


def _evaluated(saved: dict[str, Any] | None, newest: datetime | None) -> bool:
    if newest is None:
        return True
    # Detection does not look ahead of the clock, items may be dated so.
    due = min(newest, datetime.now(UTC) - _CLOCK_SLACK)
    return saved is not None and bool(saved["evaluated_until"] >= due)
