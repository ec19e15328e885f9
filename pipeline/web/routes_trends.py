"""Trends: how much was written of a company, a topic or the market, and in what tone."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from db.rows import MARKET, ScopeKind
from pipeline.series import newest_item_at, parse_duration, read_trend
from pipeline.web.scope import QUERY_ERRORS, EntityParam, TopicParam, named_series
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(tags=["trends"])


class TrendScope(BaseModel):
    """What the trend is about."""

    kind: ScopeKind
    id: str
    name: str


class Bucket(BaseModel):
    """One bucket; accounts are items that are no copies."""

    start: datetime
    items: int
    accounts: int
    negative: int = Field(description="Accounts; negative, neutral and positive add up to them.")
    neutral: int
    positive: int
    stories: int = Field(description="Distinct stories that the accounts tell.")
    sources: int = Field(description="Distinct sources of the accounts.")
    mean_score: float | None = Field(description="Of the accounts, from -1 to 1.")


class TrendAnswer(BaseModel):
    """A series in buckets, oldest first; empty buckets are left out."""

    scope: TrendScope
    window_s: int
    since: datetime
    until: datetime
    buckets: list[Bucket]


@router.get("/v1/trends", responses=QUERY_ERRORS)
def get_trends(
    session: SessionOf,
    services: ServicesOf,
    entity: EntityParam = None,
    topic: TopicParam = None,
    window: Annotated[str, Query(description="Length of a bucket: 5m, 1h, 1d.")] = "1h",
    since: Annotated[
        str, Query(description="ISO 8601, or a length of time before `until`.")
    ] = "7d",
    until: Annotated[
        str | None, Query(description="ISO 8601; the newest item where it is not given.")
    ] = None,
) -> TrendAnswer:
    """Return the trend of a company or a topic; of the whole market where neither is named."""
    key = named_series(session, services, entity=entity, topic=topic) or MARKET
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    told = read_trend(
        session, key, window=parse_duration(window), since=since, until=until, newest=newest
    )
    return TrendAnswer(
        scope=TrendScope(kind=key.kind, id=key.id, name=told.name),
        window_s=int(told.window.total_seconds()),
        since=told.since,
        until=told.until,
        buckets=[Bucket.model_validate(row, from_attributes=True) for row in told.rows],
    )
