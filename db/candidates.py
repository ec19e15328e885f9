"""Find the series of which something may have to be told, without reading their news.

What is stored while detection goes on is found by the transaction that stored it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from db.engine import Session
from db.rows import BUCKET, ScopeKind, SeriesKey

_SNAPSHOT = sa.text("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)")

# A row's xmin is the transaction that last wrote it. Only its low 32 bits are kept, which wrap
# around; age() compares them rightly for rows of the last two thousand million transactions, and
# these are of the last days. A number from the future (of another cluster, before a restore) tells
# nothing. What has news is found first, and only that is counted, each by its own range of the
# primary key: the cost does not hang on what the planner knows of the table.
_CANDIDATES = sa.text("""
    WITH mark AS (
        SELECT CASE WHEN CAST(:seen AS bigint)
                <= CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
            THEN age(xid(CAST(CAST(CAST(:seen AS bigint) AS text) AS xid8))) END AS age),
    moved AS MATERIALIZED (
        SELECT scope_kind, scope_id,
               min(bucket) FILTER (WHERE age(t.xmin) <= mark.age) AS changed
        FROM trend_5m AS t, mark
        WHERE scope_kind = ANY(CAST(:kinds AS text[]))
            AND bucket > :late_since AND bucket <= :until
            AND (bucket > :since OR age(t.xmin) <= mark.age)
        GROUP BY scope_kind, scope_id)
    SELECT scope_kind, scope_id, changed
    FROM moved, LATERAL (
        SELECT sum(CASE WHEN :any_tone THEN accounts ELSE negative END) AS told
        FROM trend_5m AS t
        WHERE t.scope_kind = moved.scope_kind AND t.scope_id = moved.scope_id
            AND bucket > least(CAST(:since AS timestamptz), changed) - CAST(:window AS interval)
            AND bucket <= :until) AS span
    WHERE told >= :min_negative
    ORDER BY scope_kind, scope_id
""")


def snapshot(session: Session) -> int:
    """Return a number of the transaction before which all have come to their end.

    What a later statement sees and this moment does not was written by it or after it.
    """
    return int(session.execute(_SNAPSHOT).scalar_one())


def candidates(
    session: Session,
    *,
    kinds: Sequence[ScopeKind],
    window: timedelta,
    since: datetime,
    until: datetime,
    min_negative: int,
    any_tone: bool = False,
    seen: int | None = None,
    late_since: datetime | None = None,
) -> dict[SeriesKey, datetime | None]:
    """Return the series with news of which a window may hold so many negative accounts, sorted.

    News is what lies in ``(since, until]``, and what was stored since ``seen`` for a moment after
    ``late_since``. Whole buckets are counted, and all windows from the first news on together: a
    series may be returned that has fewer, none is missed that has them.

    Args:
        session: An open session.
        kinds: Of series.
        window: How long the windows are.
        since: Exclusive.
        until: Inclusive.
        min_negative: Negative accounts ...
        any_tone: ... or accounts of any tone.
        seen: A ``snapshot``; None: nothing is late.
        late_since: Exclusive; None: nothing is late.

    Returns:
        For each series the first bucket that has changed since ``seen``; None where none has.
    """
    first = since if late_since is None else min(since, late_since)
    found = session.execute(
        _CANDIDATES,
        {
            "kinds": [kind.value for kind in kinds],
            "window": window + BUCKET,
            "late_since": first - BUCKET,
            "since": since - BUCKET,
            "until": until,
            "min_negative": min_negative,
            "any_tone": any_tone,
            "seen": seen,
        },
    )
    return {SeriesKey(ScopeKind(kind), key): changed for kind, key, changed in found}
