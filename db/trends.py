"""Read what is known of a series: trend buckets, mentions, and how far the archive reaches.

A series is one topic, one entity or the whole market, over all languages. Buckets count by
event time; db.items fills them. db.candidates tells which series to look at.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from db.engine import Session
from db.rows import (
    BUCKET,
    MARKET,
    AccountScores,
    HourRow,
    MentionRow,
    Progress,
    ScopeKind,
    SeriesKey,
    TrendRow,
)
from db.tables import items, trend_5m
from db.tables import partition_progress as progress_table

_FIND_ENTITY = sa.text("""
    SELECT id, name FROM entities WHERE lower(id) = lower(:name) OR lower(name) = lower(:name)
    ORDER BY name, id
""")
_FIND_TOPIC = sa.text("SELECT id, id FROM topics WHERE lower(id) = lower(:name) ORDER BY id")

# Ids as one array: a statement has at most 65,535 parameters.
_NAMES = sa.text("SELECT id, name FROM entities WHERE id = ANY(CAST(:ids AS text[]))")
_MODELS = sa.text("SELECT id, model FROM items WHERE id = ANY(CAST(:ids AS text[]))")

# The origin is a Monday: buckets of whole days start at midnight UTC, of weeks on Mondays.
_TREND = sa.text("""
    WITH span AS (
        SELECT *, date_bin(:step, bucket, TIMESTAMPTZ '2001-01-01 00:00:00+00') AS start
        FROM trend_5m
        WHERE scope_kind = :kind AND scope_id = :id AND bucket >= :since AND bucket < :until),
    spread AS (
        SELECT start, count(DISTINCT source) AS sources
        FROM span, unnest(sources) AS source GROUP BY start),
    told AS (
        SELECT start, count(DISTINCT story) AS stories
        FROM span, unnest(stories) AS story GROUP BY start)
    SELECT start, sum(items), sum(accounts), sum(negative), sum(neutral), sum(positive),
           coalesce(max(told.stories), 0), coalesce(max(spread.sources), 0),
           sum(score_sum) / nullif(sum(accounts), 0)
    FROM span LEFT JOIN spread USING (start) LEFT JOIN told USING (start)
    GROUP BY start ORDER BY start
""")

# For each of several series, its buckets by the hour. Added up rather than joined: once there were
# statistics, hours were joined with their sources one by one.
_HOURS = sa.text("""
    WITH span AS MATERIALIZED (
        SELECT scope_id, date_trunc('hour', bucket, 'UTC') AS start, accounts, negative,
               negative_sources
        FROM trend_5m
        WHERE scope_kind = :kind AND scope_id = ANY(CAST(:ids AS text[]))
            AND bucket >= :since AND bucket < :until AND accounts > 0),
    parts AS (
        SELECT scope_id, start, accounts, negative, 0 AS sources FROM span
        UNION ALL
        SELECT scope_id, start, 0, 0, CAST(count(DISTINCT source) AS int)
        FROM span, unnest(negative_sources) AS source GROUP BY scope_id, start)
    SELECT scope_id, start, sum(accounts), sum(negative), sum(sources)
    FROM parts GROUP BY scope_id, start ORDER BY scope_id, start
""")

# A look at the key of each item: a join might be planned over the stories of the whole archive.
_STORY = "(SELECT story FROM item_stories WHERE item_id = i.id)"
_MENTIONS_OF = {
    ScopeKind.ENTITY: """
        SELECT of.entity_id, i.id, i.published_at, i.source, i.title, i.url, i.language,
               coalesce(of.sentiment, i.sentiment), coalesce(of.score, i.score), i.copy_of,
               {story}
        FROM item_entities AS of JOIN items AS i ON i.id = of.item_id
        WHERE of.entity_id = ANY(CAST(:ids AS text[])) AND of.counts
            AND of.published_at > :since AND of.published_at <= :until
        ORDER BY of.entity_id, of.published_at, i.id
    """,
    ScopeKind.TOPIC: """
        SELECT of.topic, i.id, i.published_at, i.source, i.title, i.url, i.language,
               i.sentiment, i.score, i.copy_of, {story}
        FROM item_topics AS of JOIN items AS i ON i.id = of.item_id
        WHERE of.topic = ANY(CAST(:ids AS text[])) AND i.is_relevant
            AND of.published_at > :since AND of.published_at <= :until
        ORDER BY of.topic, of.published_at, i.id
    """,
    ScopeKind.MARKET: """
        SELECT market.id, i.id, i.published_at, i.source, i.title, i.url, i.language,
               i.sentiment, i.score, i.copy_of, {story}
        FROM unnest(CAST(:ids AS text[])) AS market (id), items AS i
        WHERE i.is_relevant AND i.published_at > :since AND i.published_at <= :until
        ORDER BY i.published_at, i.id
    """,
}
_MENTIONS = {kind: sa.text(query.format(story=_STORY)) for kind, query in _MENTIONS_OF.items()}

# Without texts: those of a week of the whole market would fill the memory.
_SCORES_OF = """
    SELECT count(*) FILTER (WHERE sentiment = 'negative'), array_agg(score ORDER BY at, id)
    FROM ({mentions}) AS mentions (scope, id, at, source, title, url, language, sentiment, score,
                                   copy_of, story)
    WHERE copy_of IS NULL
"""
_SCORES = {
    kind: sa.text(_SCORES_OF.format(mentions=query.format(story=_STORY)))
    for kind, query in _MENTIONS_OF.items()
}


def find_series(session: Session, name: str, kind: ScopeKind) -> list[tuple[SeriesKey, str]]:
    """Return the series, with their names, whose id or name is ``name`` in any case.

    Several companies may share a name; the id is unique. The market has the one name "all".
    """
    if kind is ScopeKind.MARKET:
        return [(MARKET, MARKET.id)] if name.lower() == MARKET.id else []
    query = _FIND_ENTITY if kind is ScopeKind.ENTITY else _FIND_TOPIC
    return [(SeriesKey(kind, key), label) for key, label in session.execute(query, {"name": name})]


def scope_names(session: Session, keys: Collection[SeriesKey]) -> dict[SeriesKey, str]:
    """Return what people call each series; its id where no name is known."""
    ids = [key.id for key in keys if key.kind is ScopeKind.ENTITY]
    names = {row.id: row.name for row in session.execute(_NAMES, {"ids": ids})} if ids else {}
    return {
        key: names.get(key.id, key.id) if key.kind is ScopeKind.ENTITY else key.id for key in keys
    }


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
        The buckets; ``stories``, ``sources`` and ``mean_score`` are over accounts.

    Raises:
        ValueError: If the step is no positive multiple of 5 minutes.
    """
    if step < BUCKET or step % BUCKET:
        raise ValueError(f"the step must be a multiple of {BUCKET}, not {step}")
    span = {"kind": key.kind.value, "id": key.id, "since": since, "until": until}
    return [TrendRow(*row) for row in session.execute(_TREND, {**span, "step": step})]


def hours(
    session: Session, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
) -> dict[SeriesKey, list[HourRow]]:
    """Return for each series its hours that have accounts, oldest first.

    Only 5-minute buckets that start in ``[since, until)`` count, so that the first and the
    last hour may be partial.
    """
    found: dict[SeriesKey, list[HourRow]] = {key: [] for key in keys}
    for kind, ids in _by_kind(keys).items():
        span = {"kind": kind.value, "ids": ids, "since": since, "until": until}
        for scope_id, *row in session.execute(_HOURS, span):
            found[SeriesKey(kind, scope_id)].append(HourRow(*row))
    return found


def mentions(
    session: Session, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
) -> dict[SeriesKey, list[MentionRow]]:
    """Return for each series the items that count in ``(since, until]``, by event time, then id."""
    found: dict[SeriesKey, list[MentionRow]] = {key: [] for key in keys}
    for kind, ids in _by_kind(keys).items():
        span = {"ids": ids, "since": since, "until": until}
        for scope_id, *row in session.execute(_MENTIONS[kind], span):
            found[SeriesKey(kind, scope_id)].append(MentionRow(*row))
    return found


def account_scores(
    session: Session, key: SeriesKey, *, since: datetime, until: datetime
) -> AccountScores:
    """Return the scores of a series' accounts in ``(since, until]``."""
    span = {"ids": [key.id], "since": since, "until": until}
    negative, scores = session.execute(_SCORES[key.kind], span).one()
    return AccountScores(negative, tuple(scores or ()))


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


def models_of(session: Session, item_ids: Sequence[str]) -> dict[str, str]:
    """Return for each item the version of the classifier that told its tone."""
    if not item_ids:
        return {}
    found = session.execute(_MODELS, {"ids": sorted(set(item_ids))})
    return {row.id: row.model for row in found}


def partition_progress(session: Session, topic: str) -> dict[int, Progress]:
    """Return how far each partition of a topic is stored, by partition."""
    query = sa.select(progress_table).where(progress_table.c.topic == topic)
    return {row.partition: Progress(*row) for row in session.execute(query)}


def _by_kind(keys: Sequence[SeriesKey]) -> dict[ScopeKind, list[str]]:
    kinds: dict[ScopeKind, list[str]] = {}
    for key in keys:
        kinds.setdefault(key.kind, []).append(key.id)
    return kinds
