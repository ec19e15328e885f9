"""Removes what can decide nothing any more, whatever is to be kept: it would grow for ever.

Rows that say something to people are kept for as long as settings say (db.retention).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as sa

from db.engine import Session


class Spent(StrEnum):
    """What is of use for some time of the stream only."""

    TEXTS = "texts"
    SOURCE_SLOTS = "source_slots"


# A replay of the past is old by event time: its texts tell copies until it is long through. The
# conditions stand outside as well: there they see what a worker has just renewed.
_TEXTS = """
    DELETE FROM texts
    WHERE stored_at < now() - INTERVAL '7 days' AND first_seen_at < :before AND text_hash IN (
        SELECT text_hash FROM texts
        WHERE stored_at < now() - INTERVAL '7 days' AND first_seen_at < :before
        ORDER BY stored_at LIMIT :limit)
"""
_SOURCE_SLOTS = """
    DELETE FROM source_slots WHERE (slot, source) IN (
        SELECT slot, source FROM source_slots WHERE slot < :before ORDER BY slot LIMIT :limit)
"""
_DELETE = {Spent.TEXTS: sa.text(_TEXTS), Spent.SOURCE_SLOTS: sa.text(_SOURCE_SLOTS)}

_NEWEST = sa.text("SELECT max(event_at) FROM partition_progress")


def newest_event(session: Session) -> datetime | None:
    """Return the newest event time that was stored; None where nothing was."""
    newest: datetime | None = session.execute(_NEWEST).scalar_one()
    return newest


def remove_spent(session: Session, what: Spent, *, before: datetime, limit: int) -> int:
    """Remove the oldest rows of a kind; does not commit.

    Args:
        session: An open session.
        what: The kind.
        before: Event time from which on they may still be of use.
        limit: Most rows to remove.

    Returns:
        How many were removed; fewer than ``limit`` means that none is left.
    """
    values = {"before": before, "limit": limit}
    done = cast("sa.CursorResult[Any]", session.execute(_DELETE[what], values))
    return done.rowcount
