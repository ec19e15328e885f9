"""Alerts as their receivers get them: the same JSON as the webhook's body."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from alerts.messages import AlertEvent
from db.alert_events import alert_history, last_events
from db.alerts import list_alerts
from pipeline.series import newest_item_at, parse_moment
from pipeline.web.paging import CursorParam, LimitParam, Page, after, cut
from pipeline.web.problems import Problem
from pipeline.web.scope import QUERY_ERRORS, EntityParam, TopicParam, named_series
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such alert."}}


class Alerts(Page):
    """Alerts, newest first, each as its last event told it."""

    alerts: list[AlertEvent]


class History(BaseModel):
    """All that was said about one alert, oldest first."""

    events: list[AlertEvent]


@router.get("", responses=QUERY_ERRORS)
def get_alerts(
    session: SessionOf,
    services: ServicesOf,
    entity: EntityParam = None,
    topic: TopicParam = None,
    since: Annotated[
        str | None,
        Query(description="Fired then or later: ISO 8601, or 7d before the newest."),
    ] = None,
    until: Annotated[str | None, Query(description="Fired before then.")] = None,
    state: Annotated[Literal["firing", "resolved"] | None, Query()] = None,
    cursor: CursorParam = None,
    limit: LimitParam = 100,
) -> Alerts:
    """List alerts by the event time at which they fired, newest first."""
    key = named_series(session, services, entity=entity, topic=topic)
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    rows = list_alerts(
        session,
        since=None if since is None else parse_moment(since, newest=newest),
        until=None if until is None else parse_moment(until, newest=newest),
        scope=key,
        state=state,
        after=after(cursor, tuple[datetime, UUID]),
        limit=limit + 1,
    )
    page, following = cut(rows, limit, lambda row: (row.fired_at, row.id))
    events = last_events(session, [row.id for row in page])
    return Alerts(
        alerts=[AlertEvent.model_validate_json(event.body) for event in events],
        next_cursor=following,
    )


@router.get("/{alert_id}", responses=_MISSING)
def get_alert(alert_id: UUID, session: SessionOf) -> AlertEvent:
    """Return one alert as its last event told it."""
    return get_events(alert_id, session).events[-1]


@router.get("/{alert_id}/events", responses=_MISSING)
def get_events(alert_id: UUID, session: SessionOf) -> History:
    """Return all that was said about one alert, oldest first."""
    events = alert_history(session, alert_id)
    if not events:
        raise Problem(404, "there is no such alert")
    return History(events=[AlertEvent.model_validate_json(event.body) for event in events])
