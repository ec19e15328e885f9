"""Read what the desk's pages show; read-only, bounded, and fast on a large archive.

Counts come from the trend buckets, not from the items. Times are event times.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from db.engine import Session
from db.rows import MentionRow, ScopeKind, SeriesKey
from db.tables import entities, item_entities, items

# Without sources and stories of a bucket: counting distinct ones costs most on the whole market.
_COUNTS = sa.text("""
    SELECT scope_kind, scope_id,
           date_bin(:step, bucket, TIMESTAMPTZ '2001-01-01 00:00:00+00') AS start,
           sum(accounts), sum(negative)
    FROM trend_5m
    WHERE (scope_kind, scope_id) IN (
            SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS text[])))
        AND bucket >= :since AND bucket < :until
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")

_STORIES = sa.text("""
    SELECT scope_kind, scope_id, date_bin(:step, bucket, :since) AS start, count(DISTINCT story)
    FROM trend_5m, unnest(stories) AS story
    WHERE (scope_kind, scope_id) IN (
            SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS text[])))
        AND bucket >= :since AND bucket < :until
    GROUP BY 1, 2, 3
""")

_LISTED = sa.text("""
    WITH day AS (
        SELECT scope_kind, scope_id, sum(accounts) AS accounts, sum(negative) AS negative
        FROM trend_5m
        WHERE bucket >= :since AND bucket < :until AND scope_kind IN ('entity', 'topic')
        GROUP BY scope_kind, scope_id),
    named AS (
        SELECT 'entity' AS kind, id, name FROM entities
        UNION ALL SELECT 'topic', id, replace(id, '_', ' ') FROM topics)
    SELECT named.kind, named.id, named.name
    FROM named LEFT JOIN day ON day.scope_kind = named.kind AND day.scope_id = named.id
    WHERE CASE WHEN :wanted = '' THEN day.accounts > 0
          ELSE strpos(lower(named.name), lower(:wanted)) > 0
            OR strpos(lower(named.id), lower(:wanted)) > 0 END
    ORDER BY coalesce(day.negative, 0) DESC, coalesce(day.accounts, 0) DESC, named.name, named.id
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class CountRow:
    """Accounts and negative ones of a series in the bucket that starts at ``start``."""

    start: datetime
    accounts: int
    negative: int


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company that an item names, with the tone towards it."""

    id: str
    name: str
    sentiment: str
    score: float


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One item with what the classifier found; probabilities in [0, 1]."""

    mention: MentionRow
    body: str
    p_negative: float
    p_neutral: float
    p_positive: float
    model: str
    companies: tuple[CompanyRow, ...]

    @property
    def title(self) -> str:
        """Its headline."""
        return self.mention.title


def counts(
    session: Session,
    keys: Sequence[SeriesKey],
    *,
    since: datetime,
    until: datetime,
    step: timedelta,
) -> dict[SeriesKey, list[CountRow]]:
    """Return the buckets of several series, each oldest first, empty ones left out.

    Args:
        session: An open session.
        keys: The series; those without news are absent from the answer.
        since: The first 5-minute bucket starts here or later.
        until: The last one starts before.
        step: A multiple of 5 minutes. Buckets hang on Monday 2001-01-01 UTC.

    Returns:
        The buckets by series.
    """
    rows: defaultdict[SeriesKey, list[CountRow]] = defaultdict(list)
    values = {
        "kinds": [key.kind.value for key in keys],
        "ids": [key.id for key in keys],
        "since": since,
        "until": until,
        "step": step,
    }
    for kind, scope_id, *row in session.execute(_COUNTS, values):
        rows[SeriesKey(ScopeKind(kind), scope_id)].append(CountRow(*row))
    return dict(rows)


def story_counts(
    session: Session,
    keys: Sequence[SeriesKey],
    *,
    since: datetime,
    until: datetime,
    step: timedelta,
) -> dict[SeriesKey, dict[datetime, int]]:
    """Return how many stories the accounts of each bucket tell, by series and start.

    Args:
        session: An open session.
        keys: The series.
        since: Start of the first bucket.
        until: The last 5-minute bucket starts before.
        step: A multiple of 5 minutes, counted from ``since``.

    Returns:
        Those buckets that tell stories.
    """
    told: defaultdict[SeriesKey, dict[datetime, int]] = defaultdict(dict)
    values = {
        "kinds": [key.kind.value for key in keys],
        "ids": [key.id for key in keys],
        "since": since,
        "until": until,
        "step": step,
    }
    for kind, scope_id, start, stories in session.execute(_STORIES, values):
        told[SeriesKey(ScopeKind(kind), scope_id)][start] = stories
    return told


def listed_series(
    session: Session, wanted: str, *, since: datetime, until: datetime, limit: int
) -> list[tuple[SeriesKey, str]]:
    """Return companies and topics with their names, most negative accounts first.

    Args:
        session: An open session.
        wanted: Part of a name or id, in any case; empty: all with news in the span.
        since: Start of the span that orders them.
        until: Its end.
        limit: Most series to return.

    Returns:
        The series; with ``wanted`` also those without news in the span.
    """
    values = {"wanted": wanted, "since": since, "until": until, "limit": limit}
    return [
        (SeriesKey(ScopeKind(kind), scope_id), name)
        for kind, scope_id, name in session.execute(_LISTED, values)
    ]


def stored_item(session: Session, item_id: str) -> StoredItem | None:
    """Return an item by its id; None where there is none, or retention removed it."""
    row = session.execute(sa.select(items).where(items.c.id == item_id)).first()
    if row is None:
        return None
    mention = MentionRow(
        row.id,
        row.published_at,
        row.source,
        row.title,
        row.url,
        row.language,
        row.sentiment,
        row.score,
        row.copy_of,
    )
    probabilities = (row.p_negative, row.p_neutral, row.p_positive)
    return StoredItem(mention, row.body, *probabilities, row.model, _companies(session, row))


def _companies(session: Session, item: sa.Row[Any]) -> tuple[CompanyRow, ...]:
    query = (
        sa.select(
            entities.c.id,
            entities.c.name,
            sa.func.coalesce(item_entities.c.sentiment, item.sentiment),
            sa.func.coalesce(item_entities.c.score, item.score).label("score"),
        )
        .join(item_entities, item_entities.c.entity_id == entities.c.id)
        .where(item_entities.c.item_id == item.id)
        .order_by("score", entities.c.name)
    )
    return tuple(CompanyRow(*row) for row in session.execute(query))
