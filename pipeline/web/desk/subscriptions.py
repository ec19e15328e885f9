"""Pages on who gets which alerts; what they do is done by the functions of the API."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.types import Detector, Severity
from db.deliveries import last_attempts, list_deliveries, newest_attempts
from db.delivery_rows import SubscriptionRow
from db.engine import Session
from db.rows import ScopeKind, SeriesKey
from db.subscriptions import list_subscriptions
from db.trends import scope_names
from db.watchlists import list_watchlists
from models.taxonomy import TOPICS
from pipeline.access import Scope
from pipeline.catalogue import LANGUAGES
from pipeline.companies import sectors
from pipeline.subscribing import told, without_path
from pipeline.text import LANGUAGES as ITEM_LANGUAGES
from pipeline.web import routes_subscriptions as api
from pipeline.web.auth import may, require
from pipeline.web.desk import access
from pipeline.web.desk.forms import Fields
from pipeline.web.desk.pages import Refused, render
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(
    prefix="/desk/subscriptions",
    include_in_schema=False,
    dependencies=[access.FromHere, access.LoggedIn],
)

_MOST_DELIVERIES = 20
# Kinds of which several may be wanted, as boxes to tick.
_MANY = ("watchlists", "sectors", "topics", "severities", "languages", "detectors")
_NARROWING = ("entities", *_MANY)
_HOUR_FIELDS = ("quiet_from", "quiet_until")
_TEXTS = ("url", "language", "time_zone", "description", "secret")
_TICKS = ("critical_passes", "operations")


@router.get("")
def subscriptions_page(request: Request, session: SessionOf) -> HTMLResponse:
    """List who gets alerts, whether it works, and what came of the last delivery."""
    rows = [_readable(request, row) for row in list_subscriptions(session)]
    return render(
        request,
        "subscriptions.html",
        rows=[(row, state_of(row), _wanted(session, row)) for row in rows],
        last=newest_attempts(session),
    )


@router.get("/new")
def new_page(request: Request, session: SessionOf) -> HTMLResponse:
    """Ask for what a subscription needs."""
    require(request.state.principal, Scope.ADMIN)
    return _form(request, session, {})


@router.post("", status_code=201)
def subscribe(
    request: Request, session: SessionOf, services: ServicesOf, fields: Fields
) -> Response:
    """Subscribe; a webhook's secret is on the page that answers, and nowhere after."""
    try:
        wanted = api.NewSubscription.model_validate(to_wish(fields))
        made = api.post_subscription(wanted, session, services)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(request, session, fields, str(first["loc"][0]), first["msg"]) from error
    except Problem as problem:
        if problem.status != 422:  # the API says so of a form that is wrong
            raise
        [wrong] = (problem.more or {})["errors"]
        raise _refused(request, session, fields, wrong["field"], wrong["problem"]) from problem
    if made.secret is None:
        return RedirectResponse(f"/desk/subscriptions/{made.id}", 303)
    return render(request, "secret.html", status=201, row=made, secret=made.secret, overlap_h=None)


@router.get("/{subscription_id}")
def subscription_page(request: Request, session: SessionOf, subscription_id: UUID) -> HTMLResponse:
    """Show one subscription: filters, times, state and newest deliveries."""
    row = _readable(request, api.found_subscription(session, subscription_id))
    state = state_of(row)
    deliveries = list_deliveries(session, subscription_id=row.id, limit=_MOST_DELIVERIES)
    return render(
        request,
        "subscription.html",
        row=row,
        shown=told(row),
        state=state,
        wanted=_wanted(session, row),
        deliveries=deliveries,
        last=last_attempts(session, [delivery.id for delivery in deliveries]),
        # What was sent off by the button is looked for more often.
        is_due=state in {"ok", "failing"}
        and any(each.state == "pending" and each.attempts == 0 for each in deliveries),
    )


@router.post("/{subscription_id}/pause")
def pause(session: SessionOf, subscription_id: UUID) -> Response:
    """Send nothing until it is resumed."""
    api.suspend_subscription(subscription_id, session)
    return RedirectResponse(f"/desk/subscriptions/{subscription_id}", 303)


@router.post("/{subscription_id}/resume")
def resume(session: SessionOf, subscription_id: UUID) -> Response:
    """Send to a paused or disabled one again."""
    api.resume_subscription(subscription_id, session)
    return RedirectResponse(f"/desk/subscriptions/{subscription_id}", 303)


@router.post("/{subscription_id}/test")
def test(session: SessionOf, subscription_id: UUID) -> Response:
    """Send a test event; the page then shows what comes of it."""
    api.test_subscription(subscription_id, session)
    return RedirectResponse(f"/desk/subscriptions/{subscription_id}#deliveries", 303)


@router.post("/{subscription_id}/rotate")
def rotate(
    request: Request, session: SessionOf, services: ServicesOf, subscription_id: UUID
) -> HTMLResponse:
    """Replace the secret; the old one signs as well for a while."""
    row = api.found_subscription(session, subscription_id)
    rotation = api.Rotation()
    made = api.rotate_secret(subscription_id, rotation, session, services)
    return render(request, "secret.html", row=row, secret=made.secret, overlap_h=rotation.overlap_h)


@router.post("/{subscription_id}/delete")
def delete(session: SessionOf, subscription_id: UUID) -> Response:
    """Remove it with what waits for it."""
    api.remove_subscription(subscription_id, session)
    return RedirectResponse("/desk/subscriptions", 303)


def _readable(request: Request, row: SubscriptionRow) -> SubscriptionRow:
    return row if may(request, Scope.ADMIN) else without_path(row)


def state_of(row: SubscriptionRow) -> str:
    """Return "disabled", "paused", "failing" or "ok"."""
    if row.disabled_reason is not None:
        return "disabled"
    if row.paused:
        return "paused"
    return "ok" if row.failing_since is None else "failing"


def to_wish(fields: dict[str, list[str]]) -> dict[str, Any]:
    """Return a form as the API's ``NewSubscription`` takes it; what is left empty is left out."""
    wish: dict[str, Any] = {name: fields[name][0].strip() for name in _TEXTS if name in fields}
    wish |= {name: fields[name] for name in _MANY if name in fields}
    wish |= {name: True for name in _TICKS if name in fields}
    wish["url"] = wish.get("url", "")
    lines = fields.get("entities", [""])[0].splitlines()
    wish["entities"] = [line.strip() for line in lines if line.strip()]
    wish["digest_at"] = fields.get("digest_at", [""])[0].replace(",", " ").split()
    if any(name in fields for name in _HOUR_FIELDS):
        wish["quiet"] = "-".join(fields.get(name, [""])[0] for name in _HOUR_FIELDS)
    return wish


def _form(
    request: Request,
    session: Session,
    fields: dict[str, list[str]],
    wrong: tuple[str, str] | None = None,
) -> HTMLResponse:
    choices = {
        "watchlists": list(list_watchlists(session)),
        "sectors": sorted(set(sectors().values())),
        "topics": list(TOPICS),
        "severities": [each.value for each in Severity],
        "languages": list(ITEM_LANGUAGES),
        "detectors": [each.value for each in Detector],
    }
    return render(
        request,
        "subscribe.html",
        status=200 if wrong is None else 422,
        given=fields,
        choices=choices,
        spoken=LANGUAGES,
        wrong=wrong,
    )


def _refused(
    request: Request, session: Session, fields: dict[str, list[str]], field: str, problem: str
) -> Refused:
    return Refused(_form(request, session, fields, (field, problem)))


def _wanted(session: Session, row: SubscriptionRow) -> dict[str, list[str]]:
    """Return the filters that are set, companies by their names."""
    keys = [SeriesKey(ScopeKind.ENTITY, each) for each in row.entities]
    names = scope_names(session, keys)
    found = {name: list(getattr(row, name)) for name in _NARROWING}
    found["entities"] = [names[key] for key in keys]
    return {name: values for name, values in found.items() if values}
