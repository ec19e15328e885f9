"""The page of an alert, and what people say on it: a verdict, a silence and its end."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.messages import AlertEvent
from alerts.types import TransitionKind, Verdict
from db.alert_events import alert_history
from db.alerts import find_alerts
from db.judgements import acknowledgement_of, end_silence
from db.rows import ScopeKind
from pipeline.judging import NewAcknowledgement, NewSilence, judge, silence
from pipeline.web.desk import access, views
from pipeline.web.desk.forms import Form, checked
from pipeline.web.desk.pages import render
from pipeline.web.services import SessionOf

router = APIRouter(
    prefix="/desk/alerts", include_in_schema=False, dependencies=[access.FromHere, access.LoggedIn]
)


@router.get("/{alert_id}")
def alert_page(request: Request, session: SessionOf, alert_id: UUID) -> HTMLResponse:
    """Show one alert: what rose, the evidence, and all that was said about it."""
    history = alert_history(session, alert_id)
    if not history:
        raise HTTPException(404, "there is no such alert")
    events = [AlertEvent.model_validate_json(event.body) for event in history]
    # What an end tells is why it ended, which reads as if that had raised the alert.
    last = events[-1]
    ended = last.data.model_dump(mode="json") if last.type is TransitionKind.RESOLVED else None
    raising = [event for event in events if event.type is not TransitionKind.RESOLVED] or events
    return render(
        request,
        "alert.html",
        alert=last.data,
        raised=raising[-1].data,
        ended=ended,
        events=events,
        evidence=[
            mention for alert in find_alerts(session, [alert_id]) for mention in alert.evidence
        ],
        verdicts=list(Verdict),
        acknowledgement=acknowledgement_of(session, alert_id),
        silences=views.silences_of(session, alert_id),
    )


@router.post("/{alert_id}/acknowledgement")
def acknowledge(session: SessionOf, alert_id: UUID, form: Form) -> Response:
    """Take what somebody makes of an alert; the cookie's SameSite keeps other sites out."""
    wanted = checked(NewAcknowledgement, form)
    if not judge(session, alert_id, wanted):
        raise HTTPException(404, "there is no such alert")
    return _to_judgement(alert_id)


@router.post("/{alert_id}/silence")
def silence_series(session: SessionOf, alert_id: UUID, form: Form) -> Response:
    """Send no alert on the series of this one, for a while."""
    found = find_alerts(session, [alert_id])
    if not found:
        raise HTTPException(404, "there is no such alert")
    scope = found[0].scope
    named = {"topic": scope.id} if scope.kind is ScopeKind.TOPIC else {"rule": found[0].rule}
    if scope.kind is ScopeKind.ENTITY:
        named = {"entity": scope.id}
    silence(session, checked(NewSilence, form | named), now=datetime.now(UTC))
    return _to_judgement(alert_id)


@router.post("/{alert_id}/silence/{silence_id}/end")
def end_alert_silence(session: SessionOf, alert_id: UUID, silence_id: UUID) -> Response:
    """Send the alerts again that a silence holds back."""
    if not end_silence(session, silence_id):
        raise HTTPException(404, "there is no such silence")
    return _to_judgement(alert_id)


def _to_judgement(alert_id: UUID) -> Response:
    return RedirectResponse(f"/desk/alerts/{alert_id}#judge", 303)
