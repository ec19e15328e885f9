"""When sources were heard, and which of them are silent. Times are event times."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.engine import Session
from db.rows import SourceSilenceRow
from db.tables import source_silences

_HEARD = sa.text("""
    SELECT source, array_agg(slot ORDER BY slot) AS slots
    FROM (SELECT DISTINCT source,
              date_bin(:slot, published_at, TIMESTAMPTZ '2001-01-01 00:00+00') AS slot
          FROM items WHERE published_at > :since AND published_at <= :until) AS heard
    GROUP BY source ORDER BY source
""")

_LAGS = sa.text("SELECT source, lag_p95_s FROM v_sources WHERE lag_p95_s IS NOT NULL")


def lags(session: Session) -> dict[str, timedelta]:
    """Return how late each source's items come, all but 5 %, by the last seven days of news.

    One of which that is not known is absent: its items are from an archive.
    """
    return {source: timedelta(seconds=lag_s) for source, lag_s in session.execute(_LAGS)}


def heard_slots(
    session: Session, *, since: datetime, until: datetime, slot: timedelta
) -> dict[str, list[datetime]]:
    """Return the slots in which each source had an item, copies included.

    Args:
        session: An open session.
        since: Start, exclusive.
        until: End, inclusive.
        slot: Length of a slot; slots start at its multiples from the beginning of 2001.

    Returns:
        Distinct starts of slots in order, by source.
    """
    rows = session.execute(_HEARD, {"since": since, "until": until, "slot": slot})
    return {row.source: row.slots for row in rows}


def silences(session: Session) -> list[SourceSilenceRow]:
    """Return the last silence of each source that had one."""
    query = sa.select(source_silences).order_by(source_silences.c.source)
    return [SourceSilenceRow(*row) for row in session.execute(query)]


def save_silence(session: Session, row: SourceSilenceRow) -> None:
    """Store a source's last silence; does not commit."""
    values = {"since": row.since, "ended_at": row.ended_at}
    upsert = insert(source_silences).values(source=row.source, **values)
    session.execute(upsert.on_conflict_do_update(index_elements=["source"], set_=values))


def forget_silences(session: Session, sources: Sequence[str]) -> None:
    """Forget the silences of these sources; does not commit."""
    session.execute(sa.delete(source_silences).where(source_silences.c.source.in_(sources)))
