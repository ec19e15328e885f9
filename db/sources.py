"""When sources were heard, and which of them are silent. Times are event times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.buckets import bucket_start
from db.bulk import execute_many
from db.engine import Session
from db.rows import ItemRow, SourceSilenceRow
from db.tables import source_silences as table

# Of items that come together, the oldest tells the lag. What comes two days late or more was no
# news any more: an archive, or a first poll.
_ADD_SLOTS = sa.text("""
    INSERT INTO source_slots AS s (slot, source, items, newest_at, lag_s)
    SELECT slot, source, items, newest_at,
           CASE WHEN now() < oldest_at + INTERVAL '2 days' THEN
               greatest(extract(epoch FROM now() - oldest_at), 0)::float8 END
    FROM unnest(CAST(:slot AS timestamptz[]), CAST(:source AS text[]), CAST(:items AS int[]),
                CAST(:newest_at AS timestamptz[]), CAST(:oldest_at AS timestamptz[]))
        AS new (slot, source, items, newest_at, oldest_at)
    ON CONFLICT (slot, source) DO UPDATE SET
        items = s.items + excluded.items,
        newest_at = greatest(s.newest_at, excluded.newest_at)
""")

_HEARD = sa.text("""
    SELECT source, array_agg(slot ORDER BY slot) AS slots FROM source_slots
    WHERE slot > :since AND slot <= :until GROUP BY source ORDER BY source
""")

_LAGS = sa.text("""
    SELECT source, percentile_cont(0.95) WITHIN GROUP (ORDER BY lag_s) FROM source_slots
    WHERE slot > :since AND lag_s IS NOT NULL GROUP BY source
""")

_HEALTH = sa.text("""
    SELECT source, max(newest_at) AS last_at, coalesce(sum(items) FILTER (WHERE slot > :day), 0)
    FROM source_slots WHERE slot > :since AND slot <= :until
    GROUP BY source ORDER BY last_at, source
""")

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """When a source was last heard, and its items of the last 24 h, to five minutes."""

    source: str
    last_at: datetime
    items: int


def add_slots(session: Session, rows: Sequence[ItemRow]) -> None:
    """Note when the sources of items just inserted were heard; does not commit.

    Not idempotent: the caller passes each item once in its life.
    """
    heard: dict[tuple[datetime, str], list[datetime]] = {}
    for row in rows:
        heard.setdefault((bucket_start(row.published_at), row.source), []).append(row.published_at)
    columns = [
        {
            "slot": slot,
            "source": source,
            "items": len(times),
            "newest_at": max(times),
            "oldest_at": min(times),
        }
        for (slot, source), times in sorted(heard.items())
    ]
    execute_many(session, _ADD_SLOTS, columns)


def lags(session: Session, *, since: datetime) -> dict[str, timedelta]:
    """Return within what time the first item of each source's slots comes, all but 5 % of them.

    One of which that is not known is absent: its items are from an archive.
    """
    rows = session.execute(_LAGS, {"since": since})
    return {source: timedelta(seconds=lag_s) for source, lag_s in rows}


def heard_slots(session: Session, *, since: datetime, until: datetime) -> dict[str, list[datetime]]:
    """Return the slots of five minutes in which each source had an item, copies included.

    Args:
        session: An open session.
        since: Slots start later than this.
        until: The last one starts here or before.

    Returns:
        Distinct starts of slots in order, by source.
    """
    rows = session.execute(_HEARD, {"since": since, "until": until})
    return {row.source: row.slots for row in rows}


def source_health(session: Session, *, until: datetime) -> list[SourceRow]:
    """Return the sources heard in the seven days before ``until``, longest silent first."""
    values = {"since": until - 7 * _DAY, "day": until - _DAY, "until": until}
    return [SourceRow(*row) for row in session.execute(_HEALTH, values)]


def source_silences(session: Session) -> list[SourceSilenceRow]:
    """Return the last silence of each source that had one."""
    query = sa.select(table).order_by(table.c.source)
    return [SourceSilenceRow(*row) for row in session.execute(query)]


def save_source_silence(session: Session, row: SourceSilenceRow) -> None:
    """Store a source's last silence; does not commit."""
    values = {"since": row.since, "ended_at": row.ended_at}
    upsert = insert(table).values(source=row.source, **values)
    session.execute(upsert.on_conflict_do_update(index_elements=["source"], set_=values))


def forget_source_silences(session: Session, sources: Sequence[str]) -> None:
    """Forget the silences of these sources; does not commit."""
    session.execute(sa.delete(table).where(table.c.source.in_(sources)))
