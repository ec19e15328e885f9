"""Bounds how many companies that no list has may come anew.

Whoever can send items can invent names, and each would be a row, and a series, for ever.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from db.bulk import execute_many
from db.engine import Session
from db.rows import ItemRow

_KIND = "unlisted"

_KNOWN = sa.text("SELECT id FROM entities WHERE id = ANY(CAST(:id AS text[]))")

# The hour is one of the stream: a replay of last year keeps what was kept last year, and items
# that are dated back find no more room than others.
_NOW = sa.text("SELECT greatest(max(event_at), :newest) FROM partition_progress")

_RECENT = sa.text("""
    SELECT count(*) FROM entities
    WHERE kind = 'unlisted' AND came_at > :now - interval '1 hour'
""")


def stream_time(session: Session, rows: Sequence[ItemRow]) -> datetime:
    """Return the newest event time of what is stored and of some items, at least one."""
    newest = max(row.published_at for row in rows)
    now: datetime = session.execute(_NOW, {"newest": newest}).scalar_one()
    return now


def leave_out(
    session: Session, rows: Sequence[ItemRow], *, now: datetime, per_hour: int
) -> tuple[list[ItemRow], int]:
    """Take from items the new unlisted companies for which an hour has no room; does not commit.

    Workers that store at the same moment do not see each other: they may go over by one batch each.

    Args:
        session: A transaction at READ COMMITTED.
        rows: Items about to be linked to their companies; the first of them find room first.
        now: Stream time, at which the new ones come.
        per_hour: Most of them in the hour that ends now.

    Returns:
        The items, and how many companies were left out.
    """
    new = {e.id: None for row in rows for e in row.entities if e.kind == _KIND}
    for (known,) in execute_many(session, _KNOWN, [{"id": key} for key in sorted(new)]):
        del new[known]
    if not new:
        return list(rows), 0
    room = max(per_hour - session.execute(_RECENT, {"now": now}).scalar_one(), 0)
    out = set(list(new)[room:])
    return [_without(row, out) for row in rows], len(out)


def _without(row: ItemRow, out: Collection[str]) -> ItemRow:
    return replace(row, entities=tuple(e for e in row.entities if e.id not in out))
