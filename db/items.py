"""Store classified items: once each, with what they add to the trends.

Everything here is idempotent on the item's id, so that a batch may be delivered any number
of times, and to several workers at once. Trends are read in db.trends.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from db.accounts import add_stories
from db.buckets import add_to_trends
from db.bulk import execute_many
from db.copies import exact_copies
from db.engine import Session
from db.rows import ItemRow, Places, Progress, StoreResult
from db.sources import add_slots
from db.tone import Tone
from db.unlisted import leave_out, stream_time

_INSERT_ITEMS = sa.text("""
    INSERT INTO items (id, published_at, title, body, source, url, language, text_hash,
                       p_negative, p_neutral, p_positive, sentiment, score, model,
                       relevance, is_relevant)
    SELECT * FROM unnest(
        CAST(:id AS text[]), CAST(:published_at AS timestamptz[]), CAST(:title AS text[]),
        CAST(:body AS text[]), CAST(:source AS text[]), CAST(:url AS text[]),
        CAST(:language AS text[]), CAST(:text_hash AS text[]), CAST(:p_negative AS float8[]),
        CAST(:p_neutral AS float8[]), CAST(:p_positive AS float8[]), CAST(:sentiment AS text[]),
        CAST(:score AS float8[]), CAST(:model AS text[]), CAST(:relevance AS float8[]),
        CAST(:is_relevant AS bool[]))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
""")

_SELECT_HASHES = sa.text("""
    SELECT id, text_hash FROM items WHERE id = ANY(CAST(:id AS text[]))
""")

_SELECT_TEXT = sa.text("SELECT title, body, source FROM items WHERE id = :id")

_INSERT_TOPICS = sa.text("""
    INSERT INTO topics (id)
    SELECT new.id FROM unnest(CAST(:id AS text[])) AS new (id)
    WHERE NOT EXISTS (SELECT FROM topics AS t WHERE t.id = new.id)
    ON CONFLICT (id) DO NOTHING
""")

# Only what is new or renamed is written: a lock on every known company would queue the workers.
# An unlisted company is called as it was first: each text may spell it in its own way.
_UPSERT_ENTITIES = sa.text("""
    INSERT INTO entities (id, name, kind, came_at)
    SELECT new.* FROM unnest(CAST(:id AS text[]), CAST(:name AS text[]), CAST(:kind AS text[]),
                             CAST(:came_at AS timestamptz[]))
        AS new (id, name, kind, came_at)
    WHERE NOT EXISTS (
        SELECT FROM entities AS e
        WHERE e.id = new.id AND e.kind = new.kind AND (e.name = new.name OR e.kind = 'unlisted'))
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind
""")

_INSERT_ITEM_TOPICS = sa.text("""
    INSERT INTO item_topics (topic, published_at, item_id, probability)
    SELECT * FROM unnest(CAST(:topic AS text[]), CAST(:published_at AS timestamptz[]),
                         CAST(:item_id AS text[]), CAST(:probability AS float8[]))
""")

_INSERT_ITEM_ENTITIES = sa.text("""
    INSERT INTO item_entities (entity_id, published_at, item_id, p_negative, p_neutral,
                               p_positive, sentiment, score, counts)
    SELECT * FROM unnest(CAST(:entity_id AS text[]), CAST(:published_at AS timestamptz[]),
                         CAST(:item_id AS text[]), CAST(:p_negative AS float8[]),
                         CAST(:p_neutral AS float8[]), CAST(:p_positive AS float8[]),
                         CAST(:sentiment AS text[]), CAST(:score AS float8[]),
                         CAST(:counts AS bool[]))
""")

_UPSERT_PROGRESS = sa.text("""
    INSERT INTO partition_progress AS p (topic, partition, next_offset, event_at)
    SELECT topic, partition, max(next_offset), max(event_at)
    FROM unnest(CAST(:topic AS text[]), CAST(:partition AS int[]),
                CAST(:next_offset AS bigint[]), CAST(:event_at AS timestamptz[]))
        AS new (topic, partition, next_offset, event_at)
    GROUP BY topic, partition ORDER BY topic, partition
    ON CONFLICT (topic, partition) DO UPDATE SET
        next_offset = greatest(p.next_offset, excluded.next_offset),
        event_at = greatest(p.event_at, excluded.event_at)
""")


Place = Callable[[Session, Sequence[ItemRow]], Places]
"""Says where items just inserted belong, and marks the copies among them."""


def store_items(
    session: Session,
    rows: Sequence[ItemRow],
    progress: Sequence[Progress],
    *,
    place: Place = exact_copies,
    new_unlisted_per_hour: int | None = None,
) -> StoreResult:
    """Store items with all that is told by them, and the progress; does not commit.

    An item whose id is stored already, in this batch or before, is skipped: only new items
    add to a bucket. Copies (db.copies) add to a bucket's items, not to its accounts.
    What does not count (``ItemRow.is_relevant``, ``EntityRow.counts``) adds to neither.

    Every transaction takes its locks in the same order, table after table as below and
    sorted by key within a table: workers with overlapping batches wait, but never deadlock.

    Args:
        session: A transaction at READ COMMITTED, PostgreSQL's default.
        rows: In the order in which they came: of two with one id, the first counts.
        progress: What the batch moves forward; offsets and event times never move back.
        place: Tells copies and stories; by default exact copies alone.
        new_unlisted_per_hour: Most companies that no list has and that come anew; items are not
            linked to more (db.unlisted). None: as many as come.

    Returns:
        Which of the items were new, which of those are no copies, and how many companies were
        left out.
    """
    first = {row.id: row for row in reversed(rows)}
    new = _insert_items(session, [first[item_id] for item_id in sorted(first)])
    left_out = 0
    _insert_topics(session, new)
    if new:
        now = stream_time(session, new)
        if new_unlisted_per_hour is not None:
            new, left_out = leave_out(session, new, now=now, per_hour=new_unlisted_per_hour)
        _insert_entities(session, new, now)
    places = place(session, new)
    add_stories(session, places.stories)
    accounts = frozenset(row.id for row in new if row.id not in places.copies)
    add_to_trends(session, new, accounts, places.stories)
    add_slots(session, new)
    execute_many(session, _UPSERT_PROGRESS, [_progress(p) for p in progress])
    return StoreResult(frozenset(row.id for row in new), accounts, left_out)


class StoredText(NamedTuple):
    """What the classifier read of an item."""

    title: str
    body: str
    source: str


def stored_text(session: Session, item_id: str) -> StoredText | None:
    """Return the text of an item, None where it is not stored."""
    row = session.execute(_SELECT_TEXT, {"id": item_id}).one_or_none()
    return None if row is None else StoredText(*row)


def stored_hashes(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Return the text hash of each of these items that is stored."""
    found = execute_many(session, _SELECT_HASHES, [{"id": item_id} for item_id in ids])
    return dict(found)


def _insert_items(session: Session, rows: Sequence[ItemRow]) -> list[ItemRow]:
    inserted = {item_id for (item_id,) in execute_many(session, _INSERT_ITEMS, _items(rows))}
    return [row for row in rows if row.id in inserted]


def _items(rows: Sequence[ItemRow]) -> list[dict[str, object]]:
    return [
        {
            "id": row.id,
            "published_at": row.published_at,
            "title": row.title,
            "body": row.body,
            "source": row.source,
            "url": row.url,
            "language": row.language,
            "text_hash": row.text_hash,
            **_tone(row.tone),
            "model": row.model,
            "relevance": row.relevance,
            "is_relevant": row.is_relevant,
        }
        for row in rows
    ]


def _tone(tone: Tone | None) -> dict[str, object]:
    return {
        "p_negative": tone and tone.negative,
        "p_neutral": tone and tone.neutral,
        "p_positive": tone and tone.positive,
        "sentiment": tone and tone.sentiment,
        "score": tone and tone.score,
    }


def _insert_topics(session: Session, rows: Sequence[ItemRow]) -> None:
    names = sorted({topic for row in rows for topic, _ in row.topics})
    execute_many(session, _INSERT_TOPICS, [{"id": name} for name in names])
    links = [
        {"topic": topic, "published_at": row.published_at, "item_id": row.id, "probability": p}
        for row in rows
        for topic, p in dict(row.topics).items()
    ]
    execute_many(session, _INSERT_ITEM_TOPICS, links)


def _insert_entities(session: Session, rows: Sequence[ItemRow], now: datetime) -> None:
    entities = {entity.id: entity for row in rows for entity in row.entities}
    columns = [
        {"id": e.id, "name": e.name, "kind": e.kind, "came_at": now}
        for _, e in sorted(entities.items())
    ]
    execute_many(session, _UPSERT_ENTITIES, columns)
    links = [
        {
            "entity_id": entity.id,
            "published_at": row.published_at,
            "item_id": row.id,
            **_tone(entity.tone),
            "counts": entity.counts,
        }
        for row in rows
        for entity in {entity.id: entity for entity in row.entities}.values()
    ]
    execute_many(session, _INSERT_ITEM_ENTITIES, links)


def _progress(progress: Progress) -> dict[str, object]:
    return {
        "topic": progress.topic,
        "partition": progress.partition,
        "next_offset": progress.next_offset,
        "event_at": progress.event_at,
    }
