"""Store and read what a detector remembers between two ticks."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.alert_tables import detect_states
from db.engine import Session

_REMEMBERED = ("evaluated_until", "state", "seen")


def detect_state(session: Session, name: str) -> dict[str, Any] | None:
    """Return what a detector saved: ``evaluated_until`` (event time), ``state`` and ``seen``."""
    query = sa.select(*(detect_states.c[name] for name in _REMEMBERED))
    row = session.execute(query.where(detect_states.c.name == name)).first()
    return None if row is None else dict(row._mapping)


def save_detect_state(
    session: Session,
    name: str,
    evaluated_until: datetime,
    state: dict[str, Any],
    seen: int | None = None,
) -> None:
    """Replace what a detector remembers, where ``state`` must be JSON; does not commit.

    Args:
        session: An open session.
        name: Of the detector.
        evaluated_until: Event time.
        state: What it likes.
        seen: ``db.candidates.snapshot`` from before it read the news.
    """
    columns = {"evaluated_until": evaluated_until, "state": state, "seen": seen}
    upsert = insert(detect_states).values(name=name, **columns)
    session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=columns))
