"""Stored news, as the monitor read it; pushing news is in ``routes_items``."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from db.item_list import list_items
from models.labels import Sentiment
from pipeline.series import newest_item_at, parse_moment
from pipeline.web.paging import CursorParam, LimitParam, Page, after, cut
from pipeline.web.scope import QUERY_ERRORS, EntityParam, TopicParam, named_series
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(tags=["items"])


class Item(BaseModel):
    """An item without its body."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    published_at: datetime
    title: str
    source: str
    url: str | None
    language: str
    sentiment: Sentiment
    score: float = Field(description="p(positive) - p(negative), from -1 to 1.")
    relevance: float | None = Field(description="To finance, from 0 to 1; null: not told.")
    copy_of: str | None = Field(description="Id of the item with the same text within 72 h.")
    stored_at: datetime = Field(description="The wall clock's: since when it was known.")


class Items(Page):
    """Items, newest first."""

    items: list[Item]


@router.get("/v1/items", responses=QUERY_ERRORS)
def get_items(
    session: SessionOf,
    services: ServicesOf,
    entity: EntityParam = None,
    topic: TopicParam = None,
    since: Annotated[
        str | None,
        Query(description="Published then or later: ISO 8601, or 7d before the newest."),
    ] = None,
    until: Annotated[str | None, Query(description="Published before then.")] = None,
    sentiment: Annotated[Sentiment | None, Query()] = None,
    cursor: CursorParam = None,
    limit: LimitParam = 100,
) -> Items:
    """List stored items by event time, newest first."""
    key = named_series(session, services, entity=entity, topic=topic)
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    rows = list_items(
        session,
        key=key,
        since=None if since is None else parse_moment(since, newest=newest),
        until=None if until is None else parse_moment(until, newest=newest),
        sentiment=sentiment,
        after=after(cursor, tuple[datetime, str]),
        limit=limit + 1,
    )
    page, following = cut(rows, limit, lambda row: (row.published_at, row.id))
    return Items(items=[Item.model_validate(row) for row in page], next_cursor=following)
