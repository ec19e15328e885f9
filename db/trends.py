"""Read what is known of a series: trend buckets, mentions, and how far the archive reaches.

A series is one topic, one entity or the whole market, over all languages. Buckets count by
event time; db.items fills them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from db.buckets import BUCKET, MARKET
from db.engine import Session
from db.rows import HourRow, MentionRow, Progress, ScopeKind, SeriesKey, TrendRow
from db.tables import entities, item_entities, item_topics, items, trend_5m
from db.tables import partition_progress as progress_table

_MENTION_COLUMNS = (
    *("id", "published_at", "source", "title", "url", "language"),
    *("sentiment", "score", "copy_of"),
)

_FIND_ENTITY = sa.text("""
    SELECT id, name FROM entities WHERE lower(:name) IN (lower(id), lower(name)) ORDER BY name, id
""")
_FIND_TOPIC = sa.text("SELECT id, id FROM topics WHERE lower(id) = lower(:name) ORDER BY id")

# The origin is a Monday: buckets of whole days start at midnight UTC, of weeks on Mondays.
_TREND = sa.text("""
    WITH span AS (
        SELECT *, date_bin(:step, bucket, TIMESTAMPTZ '2001-01-01 00:00:00+00') AS start
        FROM trend_5m
        WHERE scope_kind = :kind AND scope_id = :id AND bucket >= :since AND bucket < :until),
    spread AS (
        SELECT start, count(DISTINCT source) AS sources
        FROM span, unnest(sources) AS source GROUP BY start)
    SELECT start, sum(items), sum(accounts), sum(negative), sum(neutral), sum(positive),
           coalesce(max(spread.sources), 0), sum(score_sum) / nullif(sum(accounts), 0)
    FROM span LEFT JOIN spread USING (start) GROUP BY start ORDER BY start
""")

_HOURS = sa.text("""
    WITH span AS (
        SELECT *, date_trunc('hour', bucket, 'UTC') AS start FROM trend_5m
        WHERE scope_kind = :kind AND scope_id = :id AND bucket >= :since AND bucket < :until),
    voices AS (
        SELECT start, count(DISTINCT source) AS sources
        FROM span, unnest(negative_sources) AS source GROUP BY start)
    SELECT start, sum(accounts), sum(negative), coalesce(max(voices.sources), 0)
    FROM span LEFT JOIN voices USING (start)
    GROUP BY start HAVING sum(accounts) > 0 ORDER BY start
""")


def find_series(session: Session, name: str, kind: ScopeKind) -> list[tuple[SeriesKey, str]]:
    """Return the series, with their names, whose id or name is ``name`` in any case.

    Several companies may share a name; the id is unique. The market has the one name "all".
    """
    if kind is ScopeKind.MARKET:
        return [(MARKET, MARKET.id)] if name.lower() == MARKET.id else []
    query = _FIND_ENTITY if kind is ScopeKind.ENTITY else _FIND_TOPIC
    return [(SeriesKey(kind, key), label) for key, label in session.execute(query, {"name": name})]


def scope_name(session: Session, key: SeriesKey) -> str:
    """Return what people call the series; its id where no name is known."""
    if key.kind is not ScopeKind.ENTITY:
        return key.id
    query = sa.select(entities.c.name).where(entities.c.id == key.id)
    return session.execute(query).scalar() or key.id


def trend(
    session: Session, key: SeriesKey, *, since: datetime, until: datetime, step: timedelta
) -> list[TrendRow]:
    """Return the series in buckets of ``step``, oldest first, empty ones left out.

    Args:
        session: An open session.
        key: The series.
        since: The first 5-minute bucket starts here or later.
        until: The last one starts before.
        step: A multiple of 5 minutes, up to weeks. Buckets hang on Monday 2001-01-01 UTC.

    Returns:
        The buckets; ``sources`` and ``mean_score`` are over accounts.

    Raises:
        ValueError: If the step is no positive multiple of 5 minutes.
    """
    if step < BUCKET or step % BUCKET:
        raise ValueError(f"the step must be a multiple of {BUCKET}, not {step}")
    span = {"kind": key.kind.value, "id": key.id, "since": since, "until": until}
    return [TrendRow(*row) for row in session.execute(_TREND, {**span, "step": step})]


def hours(session: Session, key: SeriesKey, *, since: datetime, until: datetime) -> list[HourRow]:
    """Return the hours of the series that have accounts, oldest first.

    Only 5-minute buckets that start in ``[since, until)`` count, so that the first and the
    last hour may be partial.
    """
    span = {"kind": key.kind.value, "id": key.id, "since": since, "until": until}
    return [HourRow(*row) for row in session.execute(_HOURS, span)]


def candidates(
    session: Session,
    *,
    kinds: Sequence[ScopeKind],
    since: datetime,
    until: datetime,
    min_negative: int,
) -> list[SeriesKey]:
    """Return the series with at least so many negative accounts in ``(since, until]``, sorted.

    Whole buckets are counted, those that the ends cut included: a series may be returned
    that has fewer, none is missed that has them.
    """
    table = trend_5m.c
    query = (
        sa.select(table.scope_kind, table.scope_id)
        .where(table.scope_kind.in_([kind.value for kind in kinds]))
        .where(table.bucket > since - BUCKET, table.bucket <= until)
        .group_by(table.scope_kind, table.scope_id)
        .having(sa.func.sum(table.negative) >= min_negative)
    )
    return sorted(SeriesKey(ScopeKind(kind), key) for kind, key in session.execute(query))


def mentions(
    session: Session, key: SeriesKey, *, since: datetime, until: datetime
) -> list[MentionRow]:
    """Return the items that count in the series in ``(since, until]``, by event time, then id."""
    columns: list[sa.ColumnElement[Any]] = [items.c[name] for name in _MENTION_COLUMNS]
    table: sa.FromClause = items
    at = items.c.published_at
    counts: sa.ColumnElement[bool] = items.c.is_relevant
    if key.kind is ScopeKind.ENTITY:
        of = item_entities.c
        table = items.join(item_entities, of.item_id == items.c.id)
        at, counts = of.published_at, sa.and_(of.entity_id == key.id, of.counts)
        for name in ("sentiment", "score"):
            columns[_MENTION_COLUMNS.index(name)] = sa.func.coalesce(of[name], items.c[name])
    elif key.kind is ScopeKind.TOPIC:
        table = items.join(item_topics, item_topics.c.item_id == items.c.id)
        at = item_topics.c.published_at
        counts = sa.and_(item_topics.c.topic == key.id, items.c.is_relevant)
    query = sa.select(*columns).select_from(table).where(counts, at > since, at <= until)
    return [MentionRow(*row) for row in session.execute(query.order_by(at, items.c.id))]


def archive_start(session: Session) -> datetime | None:
    """Return the event time of the oldest item; None while there is none."""
    return session.execute(sa.select(sa.func.min(items.c.published_at))).scalar()


def archive_end(session: Session) -> datetime | None:
    """Return the event time of the newest item; None while there is none."""
    return session.execute(sa.select(sa.func.max(items.c.published_at))).scalar()


def all_series(session: Session, *, kinds: Collection[ScopeKind]) -> list[SeriesKey]:
    """Return every series of these kinds that has a bucket, sorted."""
    table = trend_5m.c
    query = sa.select(table.scope_kind, table.scope_id).distinct()
    query = query.where(table.scope_kind.in_([kind.value for kind in kinds]))
    return sorted(SeriesKey(ScopeKind(kind), key) for kind, key in session.execute(query))


def models_of(session: Session, item_ids: Sequence[str]) -> list[str]:
    """Return the versions of the classifier that told these items' tone, sorted."""
    query = sa.select(items.c.model).distinct().where(items.c.id.in_(item_ids))
    return list(session.execute(query.order_by(items.c.model)).scalars())


def partition_progress(session: Session, topic: str) -> dict[int, Progress]:
    """Return how far each partition of a topic is stored, by partition."""
    query = sa.select(progress_table).where(progress_table.c.topic == topic)
    return {row.partition: Progress(*row) for row in session.execute(query)}
