"""Add new items to the 5-minute trend buckets; db.trends reads them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from db.bulk import execute_many
from db.engine import Session
from db.rows import MARKET, ItemRow, ScopeKind, SeriesKey
from db.tone import Tone

# unnest flattens nested arrays, so the sources and stories of a bucket travel joined by a character
# that no text of ours contains (control characters end at the parser).
_SEPARATOR = "\x1f"
_TONES = ("negative", "neutral", "positive")

_ADD = sa.text("""
    INSERT INTO trend_5m AS t (scope_kind, scope_id, bucket, language, items, accounts,
                               negative, neutral, positive, score_sum, sources, negative_sources,
                               stories)
    SELECT scope_kind, scope_id, bucket, language, items, accounts,
           negative, neutral, positive, score_sum, string_to_array(sources, chr(31)),
           string_to_array(negative_sources, chr(31)),
           CAST(string_to_array(stories, chr(31)) AS bigint[])
    FROM unnest(
        CAST(:scope_kind AS text[]), CAST(:scope_id AS text[]), CAST(:bucket AS timestamptz[]),
        CAST(:language AS text[]), CAST(:items AS int[]), CAST(:accounts AS int[]),
        CAST(:negative AS int[]), CAST(:neutral AS int[]), CAST(:positive AS int[]),
        CAST(:score_sum AS float8[]), CAST(:sources AS text[]), CAST(:negative_sources AS text[]),
        CAST(:stories AS text[]))
        AS new (scope_kind, scope_id, bucket, language, items, accounts,
                negative, neutral, positive, score_sum, sources, negative_sources, stories)
    ON CONFLICT (scope_kind, scope_id, bucket, language) DO UPDATE SET
        items = t.items + excluded.items,
        accounts = t.accounts + excluded.accounts,
        negative = t.negative + excluded.negative,
        neutral = t.neutral + excluded.neutral,
        positive = t.positive + excluded.positive,
        score_sum = t.score_sum + excluded.score_sum,
        sources = CASE WHEN excluded.sources <@ t.sources THEN t.sources ELSE ARRAY(
            SELECT DISTINCT s FROM unnest(t.sources || excluded.sources) AS s ORDER BY s) END,
        negative_sources = CASE WHEN excluded.negative_sources <@ t.negative_sources
            THEN t.negative_sources ELSE ARRAY(
            SELECT DISTINCT s FROM unnest(t.negative_sources || excluded.negative_sources) AS s
            ORDER BY s) END,
        stories = CASE WHEN excluded.stories = '{}' THEN t.stories ELSE ARRAY(
            SELECT DISTINCT s FROM unnest(t.stories || excluded.stories) AS s ORDER BY s) END
""")


@dataclass(slots=True)
class _Sums:
    items: int = 0
    tones: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TONES, 0))
    score_sum: float = 0.0
    sources: set[str] = field(default_factory=set)
    negative_sources: set[str] = field(default_factory=set)
    stories: set[int] = field(default_factory=set)


_Key = tuple[SeriesKey, datetime, str]


def bucket_start(at: datetime) -> datetime:
    """Return the start of the 5-minute bucket that holds a moment."""
    minute = at.minute - at.minute % 5
    return at.replace(minute=minute, second=0, microsecond=0)


def add_to_trends(
    session: Session,
    rows: Sequence[ItemRow],
    accounts: Collection[str],
    stories: Mapping[str, int],
) -> None:
    """Add items just inserted to the buckets of their series; does not commit.

    Not idempotent: the caller passes each item once in its life. ``accounts`` are the ids of
    those that are no copies: only they have a tone that counts, and a story. In a company's
    series that is the tone towards the company.
    """
    sums: dict[_Key, _Sums] = {}
    for row in rows:
        at = bucket_start(row.published_at)
        for series, tone in series_of(row).items():
            bucket = sums.setdefault((series, at, row.language), _Sums())
            bucket.items += 1
            if row.id in accounts:
                bucket.tones[tone.sentiment] += 1
                bucket.score_sum += tone.score
                bucket.sources.add(row.source)
                bucket.stories.update([stories[row.id]] if row.id in stories else [])
                if tone.sentiment == "negative":
                    bucket.negative_sources.add(row.source)
    execute_many(session, _ADD, [_columns(key, sums[key]) for key in sorted(sums)])


def series_of(row: ItemRow) -> dict[SeriesKey, Tone]:
    """Return the series that an item adds to, each with the tone that counts in it."""
    tones: dict[SeriesKey, Tone] = {}
    if row.is_relevant:
        tones[MARKET] = row.tone
        tones |= {SeriesKey(ScopeKind.TOPIC, topic): row.tone for topic, _ in row.topics}
    for entity in {entity.id: entity for entity in row.entities}.values():
        if entity.counts:
            tones[SeriesKey(ScopeKind.ENTITY, entity.id)] = entity.tone or row.tone
    return tones


def _columns(key: _Key, sums: _Sums) -> dict[str, object]:
    series, bucket, language = key
    return {
        "scope_kind": series.kind.value,
        "scope_id": series.id,
        "bucket": bucket,
        "language": language,
        "items": sums.items,
        "accounts": sum(sums.tones.values()),
        **sums.tones,
        "score_sum": sums.score_sum,
        "sources": _SEPARATOR.join(sorted(sums.sources)),
        "negative_sources": _SEPARATOR.join(sorted(sums.negative_sources)),
        "stories": _SEPARATOR.join(map(str, sorted(sums.stories))),
    }
