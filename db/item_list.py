"""Items as a list: filtered, newest first, page by page."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from db.engine import Session
from db.rows import ScopeKind, SeriesKey
from db.tables import item_entities, item_topics, items


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item without its body.

    Attributes:
        sentiment: Of the whole text.
        score: p(positive) - p(negative), from -1 to 1.
        relevance: To finance, in [0, 1]; None: not told.
        copy_of: Id of the item with the same text within 72 h.
        stored_at: The wall clock's.
    """

    id: str
    published_at: datetime
    title: str
    source: str
    url: str | None
    language: str
    sentiment: str
    score: float
    relevance: float | None
    copy_of: str | None
    stored_at: datetime


_COLUMNS = tuple(items.c[name] for name in ListedItem.__dataclass_fields__)


def list_items(
    session: Session,
    *,
    key: SeriesKey | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sentiment: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[ListedItem]:
    """Return items, newest first.

    Args:
        session: An open session.
        key: Only those of this company or topic; all where it is None or the market.
        since: Published then or later.
        until: Published before.
        sentiment: Only "negative", "neutral" or "positive" ones.
        after: Event time and id of the last item of the page before.
        limit: Most items to return.

    Returns:
        The items.
    """
    at, item_id = items.c.published_at, items.c.id
    query = sa.select(*_COLUMNS)
    if key is not None and key.kind is not ScopeKind.MARKET:
        link = item_entities if key.kind is ScopeKind.ENTITY else item_topics
        scope = link.c.entity_id if key.kind is ScopeKind.ENTITY else link.c.topic
        # The link repeats the event time, so that a series is one range of its primary key.
        query = query.join(link, link.c.item_id == items.c.id).where(scope == key.id)
        at, item_id = link.c.published_at, link.c.item_id
    if since is not None:
        query = query.where(at >= since)
    if until is not None:
        query = query.where(at < until)
    if sentiment is not None:
        query = query.where(items.c.sentiment == sentiment)
    if after is not None:
        query = query.where(sa.tuple_(at, item_id) < after)
    query = query.order_by(at.desc(), item_id.desc()).limit(limit)
    return [ListedItem(*row) for row in session.execute(query)]
