"""Who gets which alerts by webhook."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from db import endpoints
from db.deliveries import find_delivery
from db.delivery_rows import SubscriptionRow
from db.engine import Session
from db.subscriptions import (
    create_subscription,
    delete_subscription,
    find_subscription,
    pause_subscription,
    subscriptions_page,
)
from pipeline.access import Scope
from pipeline.settings import Settings
from pipeline.subscribing import (
    MAX_OVERLAP_H,
    OVERLAP_H,
    Wish,
    rotate,
    to_subscription,
    told,
    without_path,
)
from pipeline.targets import BadSubscription
from pipeline.trial import queue_trial
from pipeline.web.auth import may
from pipeline.web.paging import CursorParam, LimitParam, Page, after, cut
from pipeline.web.problems import Problem
from pipeline.web.routes_deliveries import Delivery
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

_NO_SUCH = "there is no such subscription"
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such subscription."}}

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=1000)]


class NewSubscription(BaseModel):
    """A wish for alerts; an empty filter lets everything pass."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        description="https, and public unless the operator allows its host; or of a chat or mail."
    )
    language: str = Field(default="en", description='Of messages to chat and mail: "en", "zh".')
    entities: Names = Field(default=[], description="Ids, names or aliases of companies.")
    watchlists: Names = Field(default=[], description="Their companies are wanted as well.")
    sectors: Names = Field(default=[], description="Of companies, such as Financials.")
    topics: Names = []
    severities: Names = Field(default=[], description='"warning", "critical".')
    languages: Names = Field(default=[], description='Of the news: "en", "zh".')
    detectors: Names = []
    quiet: str | None = Field(
        default=None,
        description="Local hours in which alerts are held back, told together at their end.",
        examples=["22:00-07:00"],
    )
    digest_at: Names = Field(
        default=[],
        description="Local times at which alerts are told together; empty: each at once.",
        examples=[["08:30"]],
    )
    time_zone: str = Field(default="UTC", max_length=100, examples=["Asia/Shanghai"])
    critical_passes: bool = Field(default=False, description="Critical alerts go at once.")
    operations: bool = Field(
        default=False, description="Also events about the watch itself, such as endpoint.disabled."
    )
    description: str = ""
    secret: SecretStr | None = Field(
        default=None, description="Your own `whsec_...`; a new one is made where it is not given."
    )


class Subscription(BaseModel):
    """A subscription; its secret is never shown again."""

    id: UUID
    kind: Literal["webhook", "chat"]
    url: str = Field(
        description="Of a chat, or without the scope admin, its scheme and host alone."
    )
    language: str
    entities: list[str]
    watchlists: list[str]
    sectors: list[str]
    topics: list[str]
    severities: list[str]
    languages: list[str]
    detectors: list[str]
    quiet: str | None
    digest_at: list[str]
    time_zone: str
    critical_passes: bool
    operations: bool
    description: str
    paused: bool
    failing_since: datetime | None = Field(description="The first failure since a success.")
    disabled_reason: str | None = Field(description="Why nothing is sent any more.")


class Created(Subscription):
    """A new subscription with its secret."""

    secret: str | None = Field(
        description="Verifies a webhook's signatures. Keep it: it is shown only now."
    )


class Rotation(BaseModel):
    """How to replace a secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_h: int = Field(
        default=OVERLAP_H,
        ge=0,
        le=MAX_OVERLAP_H,
        description="Hours for which the old secret signs as well; 0 (it leaked) ends all.",
    )


class Rotated(BaseModel):
    """The new secret."""

    secret: str = Field(description="Keep it: it is shown only now.")


class Subscriptions(Page):
    """Subscriptions, oldest first."""

    subscriptions: list[Subscription]


@router.get("")
def get_subscriptions(
    request: Request, session: SessionOf, cursor: CursorParam = None, limit: LimitParam = 100
) -> Subscriptions:
    """List subscriptions, disabled ones included, oldest first."""
    last = after(cursor, tuple[datetime, UUID])
    rows = subscriptions_page(session, after=last, limit=limit + 1)
    page, following = cut(rows, limit, lambda row: (row[0], row[1].id))
    shown = [row if may(request, Scope.ADMIN) else without_path(row) for _, row in page]
    return Subscriptions(
        subscriptions=[Subscription.model_validate(told(row)) for row in shown],
        next_cursor=following,
    )


@router.post("", status_code=201)
def post_subscription(wanted: NewSubscription, session: SessionOf, services: ServicesOf) -> Created:
    """Subscribe a webhook to alerts from now on."""
    settings = services.settings
    key = _secret_key(settings)
    own = None if wanted.secret is None else wanted.secret.get_secret_value()
    wish = Wish(**wanted.model_dump(exclude={"secret"}), secret=own)
    try:
        row, secret = to_subscription(
            session,
            wish,
            key=key,
            allow_hosts=settings.delivery.allow_hosts,
            companies=settings.model.companies,
        )
    except BadSubscription as error:
        raise _refused(error, 422) from error
    create_subscription(session, row)
    return Created.model_validate(told(row) | {"secret": secret})


@router.post(
    "/{subscription_id}/rotate",
    responses=_MISSING | {409: {"description": "Too many secrets sign already."}},
)
def rotate_secret(
    subscription_id: UUID, rotation: Rotation, session: SessionOf, services: ServicesOf
) -> Rotated:
    """Replace the secret; both sign until the overlap ends."""
    try:
        secret = rotate(
            session,
            subscription_id,
            key=_secret_key(services.settings),
            now=datetime.now(UTC),
            overlap_h=rotation.overlap_h,
        )
    except BadSubscription as error:
        raise _refused(error, 409) from error
    if secret is None:
        raise Problem(404, _NO_SUCH)
    return Rotated(secret=secret)


@router.post(
    "/{subscription_id}/test",
    status_code=202,
    responses=_MISSING | {409: {"description": "The subscription is paused or disabled."}},
)
def test_subscription(subscription_id: UUID, session: SessionOf) -> Delivery:
    """Send a signed test event; its attempts are found under the delivery's id."""
    row = found_subscription(session, subscription_id)
    if row.paused or row.disabled_reason is not None:
        raise Problem(409, "the subscription is paused or disabled; resume it first")
    delivery_id = queue_trial(session, subscription_id, now=datetime.now(UTC))
    return Delivery.model_validate(find_delivery(session, delivery_id))


@router.post("/{subscription_id}/pause", responses=_MISSING)
def suspend_subscription(subscription_id: UUID, session: SessionOf) -> Subscription:
    """Send nothing until it is resumed: what waits is kept, what comes meanwhile is not."""
    pause_subscription(session, subscription_id)
    return Subscription.model_validate(told(found_subscription(session, subscription_id)))


@router.post("/{subscription_id}/resume", responses=_MISSING)
def resume_subscription(subscription_id: UUID, session: SessionOf) -> Subscription:
    """Send to a paused or disabled subscription again; what died can be replayed."""
    endpoints.resume(session, subscription_id)
    return Subscription.model_validate(told(found_subscription(session, subscription_id)))


@router.delete("/{subscription_id}", status_code=204, responses=_MISSING)
def remove_subscription(subscription_id: UUID, session: SessionOf) -> None:
    """Remove a subscription, with what waits for it."""
    if not delete_subscription(session, subscription_id):
        raise Problem(404, _NO_SUCH)


def found_subscription(session: Session, subscription_id: UUID) -> SubscriptionRow:
    """Return a subscription; raises the Problem 404 if there is none."""
    row = find_subscription(session, subscription_id)
    if row is None:
        raise Problem(404, _NO_SUCH)
    return row


def _refused(error: BadSubscription, status: int) -> Problem:
    problem = {"field": error.field, "problem": str(error)}
    return Problem(status, f"{error.field}: {error}", more={"errors": [problem]})


def _secret_key(settings: Settings) -> str:
    if settings.secret_key is None:
        raise Problem(503, "the service has no TAPEWATCH_SECRET_KEY to encrypt secrets with")
    return settings.secret_key.get_secret_value()
