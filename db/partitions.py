"""The partitions of trend_5m, one a month of event time, and a default one for all other months.

Whoever stores need not know of them: a bucket whose month has no partition lies in the default
one. Months are named by their first moment, UTC. Why no other table has partitions: ADR 13.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db.engine import Session

# A worker's transaction takes a tenth of a second. Whoever comes behind us waits as long as we do.
_LOCK_TIMEOUT = "2s"
# To attach a partition the server reads the default one, which a backfill may have made large.
_ATTACH_TIMEOUT = "5min"
# Workers wait some seconds while so many move. To move more gains nothing: it takes as long as to
# delete them one day.
_MOST_MOVED = 100_000
_REFUSALS = {
    "55P03": "trend_5m is in use",  # lock_not_available
    "42501": "trend_5m belongs to another role",  # insufficient_privilege
}

_NAMES = sa.text("""
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = CAST('trend_5m' AS regclass) AND c.relname ~ '^trend_5m_[0-9]{4}_[0-9]{2}$'
""")

_COUNT = sa.text("""
    SELECT count(*) FROM trend_5m_default WHERE bucket >= :since AND bucket < :until
""")


class PartitionsRefused(Exception):
    """Partitions cannot be changed now; the transaction must be rolled back."""


def months(session: Session) -> list[datetime]:
    """Return the months that have a partition, oldest first."""
    names = session.execute(_NAMES).scalars()
    return sorted(datetime.strptime(f"{name} +0000", "trend_5m_%Y_%m %z") for name in names)


def add_missing_month(session: Session, *, now: datetime) -> datetime | None:
    """Make the partition of the month of ``now``, else of the next one; does not commit.

    Not where more buckets of the month than can be moved soon lie in the default partition.
    Whoever stores waits meanwhile.

    Returns:
        The month; None where none is missing.

    Raises:
        PartitionsRefused: If a lock is not to be had soon, or the table is another role's.
    """
    this = _month_of(now)
    with _refusals(session):
        for month in sorted({this, _next(this)}.difference(months(session))):
            if _in_default(session, month) <= _MOST_MOVED:
                _add(session, month)
                return month
    return None


def drop_oldest_month(session: Session, *, before: datetime) -> datetime | None:
    """Drop the oldest partition if all of its month lies before a moment; does not commit.

    Returns:
        The month; None where none is old enough.

    Raises:
        PartitionsRefused: If a lock is not to be had soon, or the table is another role's.
    """
    month = next(iter(months(session)), None)
    if month is None or _next(month) > before:
        return None
    with _refusals(session):
        _run(session, f"DROP TABLE {_name(month)}")
    return month


def _in_default(session: Session, month: datetime) -> int:
    span = {"since": month, "until": _next(month)}
    return int(session.execute(_COUNT, span).scalar_one())


def _add(session: Session, month: datetime) -> None:
    """Make a partition of what the default one has of a month.

    Who writes waits from the first lock on, who reads only from the second: a query that was
    planned before the partition came would miss what moved there.
    """
    name, since, until = _name(month), month.isoformat(), _next(month).isoformat()
    _run(session, f"SET LOCAL statement_timeout = '{_ATTACH_TIMEOUT}'")
    _run(session, "LOCK TABLE ONLY trend_5m IN SHARE ROW EXCLUSIVE MODE")
    _run(session, f"CREATE TABLE {name} (LIKE trend_5m INCLUDING ALL) WITH (fillfactor = 70)")
    _run(
        session,
        f"WITH moved AS (DELETE FROM trend_5m_default "  # noqa: S608  # made of a month
        f"WHERE bucket >= '{since}' AND bucket < '{until}' RETURNING *) "
        f"INSERT INTO {name} SELECT * FROM moved",
    )
    _run(session, "LOCK TABLE ONLY trend_5m IN ACCESS EXCLUSIVE MODE")
    within = f"FROM ('{since}') TO ('{until}')"
    _run(session, f"ALTER TABLE trend_5m ATTACH PARTITION {name} FOR VALUES {within}")


def _month_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(month: datetime) -> datetime:
    return _month_of(month + timedelta(days=31))


def _name(month: datetime) -> str:
    return f"trend_5m_{month.year:04d}_{month.month:02d}"


def _run(session: Session, statement: str) -> None:
    session.connection().exec_driver_sql(statement)


@contextmanager
def _refusals(session: Session) -> Iterator[None]:
    """Let no statement of the block wait long for a lock; raises PartitionsRefused instead."""
    _run(session, f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    try:
        yield
    except DBAPIError as error:
        reason = _REFUSALS.get(getattr(error.orig, "sqlstate", None) or "")
        if reason is None:
            raise
        raise PartitionsRefused(reason) from error
