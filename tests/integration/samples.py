"""Rows for tests: sensible where a test does not say otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection, text

from db.alert_rows import AlertEventRow, AlertRow
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import EntityRow, ItemRow, MentionRow, ScopeKind, SeriesKey, StoreResult
from db.tone import Tone

NOON = datetime(2023, 3, 9, 12, 0, tzinfo=UTC)
SVB = EntityRow("us:SIVB", "SVB Financial Group")
SVB_SERIES = SeriesKey(ScopeKind.ENTITY, SVB.id)
NEGATIVE, NEUTRAL, POSITIVE = (0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.1, 0.3, 0.6)


def item(
    item_id: str,
    *,
    at: datetime = NOON,
    text_hash: str | None = None,
    tone: tuple[float, float, float] = NEGATIVE,
    source: str = "wire",
    language: str = "en",
    topics: tuple[str, ...] = (),
    entities: tuple[EntityRow, ...] = (SVB,),
    relevance: float | None = None,
) -> ItemRow:
    """Return an item whose text is its own, unless a hash is given; relevant from 0.5 on."""
    return ItemRow(
        id=item_id,
        published_at=at,
        title=f"Title of {item_id}",
        body="",
        source=source,
        url=None,
        language=language,
        text_hash=text_hash or f"text of {item_id}",
        tone=Tone(*tone),
        model="test",
        topics=tuple((topic, 0.9) for topic in topics),
        entities=entities,
        relevance=relevance,
        is_relevant=relevance is None or relevance >= 0.5,
    )


def towards(
    company: EntityRow, tone: tuple[float, float, float], *, counts: bool = True
) -> EntityRow:
    """Return the company with what a text says of it."""
    return replace(company, tone=Tone(*tone), counts=counts)


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)


def alert(
    *,
    key: SeriesKey = SVB_SERIES,
    fired_at: datetime = NOON,
    revision: int = 1,
    severity: str = "warning",
    state: str = "firing",
    evidence: tuple[MentionRow, ...] = (),
) -> AlertRow:
    """Return an alert as it stands after its ``revision``-th event."""
    at = fired_at + minutes(10 * (revision - 1))
    return AlertRow(
        id=uuid5(UUID(int=0), f"{key.id} {fired_at.isoformat()}"),
        detector="negative_spike",
        scope=key,
        scope_name=key.id,
        severity=severity,
        state=state,
        revision=revision,
        fired_at=fired_at,
        updated_at=at,
        resolved_at=at if state == "resolved" else None,
        window_start=at - timedelta(hours=4),
        window_end=at,
        observed=5.0,
        expected=0.5,
        items=8,
        accounts=6,
        stories=1,
        sources=3,
        languages=("en",),
        evidence=evidence,
    )


def event(of: AlertRow) -> AlertEventRow:
    """Return the event that goes with the alert's revision."""
    kind = "fired" if of.revision == 1 else "resolved" if of.state == "resolved" else "updated"
    body = f'{{"revision": {of.revision}}}'
    return AlertEventRow(of.id, of.revision, f"alert.{kind}", of.updated_at, body)


def mention(item_id: str, *, score: float = -0.6) -> MentionRow:
    """Return a piece of evidence."""
    return MentionRow(
        item_id, NOON, "wire", f"Title of {item_id}", None, "en", "negative", score, None
    )


def subscription(
    *,
    entities: tuple[str, ...] = (),
    topics: tuple[str, ...] = (),
    severities: tuple[str, ...] = (),
) -> SubscriptionRow:
    """Return a new subscription."""
    return SubscriptionRow(
        id=uuid4(),
        url="https://example.com/hook",
        secret=b"\x00\xff",
        description="",
        entities=entities,
        topics=topics,
        severities=severities,
    )


def store(engine: Engine, *rows: ItemRow) -> StoreResult:
    """Store items in a transaction of their own."""
    with transaction(engine) as session:
        return store_items(session, rows, [])


def copies(engine: Engine) -> dict[str, str | None]:
    """Return each stored item with what it is a copy of."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, copy_of FROM items"))
        return {row.id: row.copy_of for row in rows}


def stories(engine: Engine) -> dict[str, int]:
    """Return the story of each stored item that has one."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT item_id, story FROM item_stories"))
        return {row.item_id: row.story for row in rows}


def stored_buckets(connection: Connection) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the trend buckets as they are stored."""
    rows = connection.execute(
        text("""
        SELECT scope_kind, scope_id, bucket, language, items, accounts, negative, neutral,
               positive, round(CAST(score_sum AS numeric), 6), sources, negative_sources,
               stories
        FROM trend_5m""")
    )
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


def recounted_buckets(connection: Connection) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the trend buckets as a count over all stored items gives them."""
    rows = connection.execute(
        text("""
        SELECT series.kind, series.id,
               date_bin('5 minutes', published_at, TIMESTAMPTZ '2000-01-01 00:00+00'), language,
               count(*), count(*) FILTER (WHERE copy_of IS NULL),
               count(*) FILTER (WHERE copy_of IS NULL AND series.sentiment = 'negative'),
               count(*) FILTER (WHERE copy_of IS NULL AND series.sentiment = 'neutral'),
               count(*) FILTER (WHERE copy_of IS NULL AND series.sentiment = 'positive'),
               round(CAST(coalesce(
                   sum(series.score) FILTER (WHERE copy_of IS NULL), 0) AS numeric), 6),
               coalesce(array_agg(DISTINCT source) FILTER (WHERE copy_of IS NULL), '{}'),
               coalesce(array_agg(DISTINCT source) FILTER (
                   WHERE copy_of IS NULL AND series.sentiment = 'negative'), '{}'),
               coalesce(array_agg(DISTINCT told.story) FILTER (
                   WHERE copy_of IS NULL AND told.story IS NOT NULL), '{}')
        FROM items AS i LEFT JOIN item_stories AS told ON told.item_id = i.id, LATERAL (
            SELECT 'market' AS kind, 'all' AS id, i.sentiment, i.score WHERE i.is_relevant
            UNION ALL SELECT 'topic', topic, i.sentiment, i.score
                FROM item_topics WHERE item_id = i.id AND i.is_relevant
            UNION ALL SELECT 'entity', entity_id, coalesce(e.sentiment, i.sentiment),
                    coalesce(e.score, i.score)
                FROM item_entities AS e WHERE item_id = i.id AND e.counts
        ) AS series
        GROUP BY 1, 2, 3, 4""")
    )
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}
