"""What became of each webhook, try by try, and sending one again."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from db.deliveries import find_delivery, list_deliveries, replay, replay_range
from db.outbox import attempts
from db.subscriptions import find_subscription
from pipeline.series import parse_moment
from pipeline.web.paging import CursorParam, LimitParam, Page, after, cut
from pipeline.web.problems import Problem
from pipeline.web.services import SessionOf

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

_NO_SUCH = "there is no such delivery"
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such delivery."}}

State = Literal["pending", "held", "digested", "delivered", "dead"]


class Delivery(BaseModel):
    """One event on its way to one subscription."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="The webhook-id, the same over all attempts.")
    subscription_id: UUID
    alert_id: UUID | None = Field(description="Null: an event about no alert.")
    type: str
    state: State
    attempts: int = Field(description="Made since it was stored or last replayed.")
    next_attempt_at: datetime | None = Field(description="Null: at once, or never again.")


class Deliveries(Page):
    """Deliveries, newest first."""

    deliveries: list[Delivery]


class Try(BaseModel):
    """One attempt; its time is the wall clock's."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    outcome: str
    status: int | None = Field(description="Null where there was no response.")
    detail: str | None
    duration_ms: int


class Attempts(BaseModel):
    """The attempts of one delivery, oldest first, those before a replay included."""

    attempts: list[Try]


class Range(BaseModel):
    """What to send again."""

    model_config = ConfigDict(extra="forbid")

    subscription: UUID
    since: str = Field(description="When it was stored: ISO 8601, or 7d before now.")
    until: str | None = Field(default=None, description="Before then; null: until now.")
    with_delivered: bool = Field(default=False, description="Not only what died.")


class Replayed(BaseModel):
    """How much is sent again."""

    replayed: int


@router.get("")
def get_deliveries(
    session: SessionOf,
    subscription: Annotated[UUID | None, Query(description="Only those to this one.")] = None,
    state: Annotated[State | None, Query(description='"dead": all attempts failed.')] = None,
    cursor: CursorParam = None,
    limit: LimitParam = 100,
) -> Deliveries:
    """List deliveries, newest first."""
    rows = list_deliveries(
        session,
        subscription_id=subscription,
        state=state,
        before=after(cursor, int),
        limit=limit + 1,
    )
    page, following = cut(rows, limit, lambda row: row.position)
    return Deliveries(
        deliveries=[Delivery.model_validate(row) for row in page], next_cursor=following
    )


@router.get("/{delivery_id}/attempts", responses=_MISSING)
def get_attempts(delivery_id: str, session: SessionOf) -> Attempts:
    """Return what came of each attempt at one delivery."""
    if find_delivery(session, delivery_id) is None:
        raise Problem(404, _NO_SUCH)
    return Attempts(attempts=[Try.model_validate(row) for row in attempts(session, delivery_id)])


@router.post(
    "/replay",
    status_code=202,
    responses={
        404: {"description": "There is no such subscription."},
        409: {"description": "The subscription is disabled."},
    },
)
def replay_deliveries(wanted: Range, session: SessionOf) -> Replayed:
    """Send again what died in a time range, by the wall clock; the ids stay."""
    now = datetime.now(UTC)
    since = parse_moment(wanted.since, newest=now)
    until = now if wanted.until is None else parse_moment(wanted.until, newest=now)
    row = find_subscription(session, wanted.subscription)
    if row is None:
        raise Problem(404, "there is no such subscription")
    if row.disabled_reason is not None:
        raise Problem(409, "the subscription is disabled; resume it first")
    count = replay_range(
        session, row.id, since=since, until=until, with_delivered=wanted.with_delivered
    )
    return Replayed(replayed=count)


@router.post(
    "/{delivery_id}/replay",
    status_code=202,
    responses=_MISSING | {409: {"description": "On its way, held, or its subscription disabled."}},
)
def replay_delivery(delivery_id: str, session: SessionOf) -> Delivery:
    """Send a delivered or dead delivery again, with the same id, its schedule begun anew."""
    replayed = replay(session, delivery_id)
    row = find_delivery(session, delivery_id)
    if row is None:
        raise Problem(404, _NO_SUCH)
    if not replayed:
        raise Problem(409, "it is on its way, held for a digest, or its subscription is disabled")
    return Delivery.model_validate(row)
