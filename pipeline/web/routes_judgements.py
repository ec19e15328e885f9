"""What people make of alerts: silences, acknowledgements, and the precision that follows."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.types import Verdict
from db.alert_rows import SilenceRow
from db.judgements import acknowledgement_of, active_silences, end_silence, precision
from pipeline.judging import NewAcknowledgement, NewSilence, judge, silence
from pipeline.series import newest_item_at, parse_moment
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(prefix="/v1", tags=["judgements"])

_NO_ALERT: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such alert."}}
_NO_SILENCE: dict[int | str, dict[str, Any]] = {404: {"description": "None such is active."}}


class Silence(BaseModel):
    """A silence; what is null matches every alert."""

    id: UUID
    scope_kind: str | None
    scope_id: str | None
    rule: str | None
    severity: str | None
    author: str
    reason: str
    ends_at: datetime = Field(description="Wall-clock time.")


class Silences(BaseModel):
    """The silences that have not ended, the next to end first."""

    silences: list[Silence]


class Acknowledgement(BaseModel):
    """The last verdict on an alert."""

    verdict: Verdict
    author: str
    note: str
    at: datetime = Field(description="Wall-clock time.")


class Precision(BaseModel):
    """What became of the alerts of one kind."""

    name: str
    alerts: int = Field(description="Sent: without those that another alert told.")
    judged: int = Field(description="Of these, acknowledged.")
    wanted: int = Field(description="Of those, called wanted.")
    precision: float | None = Field(description="Wanted of judged; null before the first.")


class Precisions(BaseModel):
    """Precision by group."""

    groups: list[Precision]


@router.get("/silences")
def get_silences(session: SessionOf) -> Silences:
    """List the silences that are active."""
    return Silences(silences=[_shown(row) for row in active_silences(session)])


@router.post(
    "/silences",
    status_code=201,
    responses={404: {"description": "No topic or company is called so."}},
)
def post_silence(wanted: NewSilence, session: SessionOf, services: ServicesOf) -> Silence:
    """Send no alert that matches, for a while; what fires meanwhile is stored and listed."""
    companies = tuple(services.settings.model.companies)
    return _shown(silence(session, wanted, now=datetime.now(UTC), companies=companies))


@router.delete("/silences/{silence_id}", status_code=204, responses=_NO_SILENCE)
def delete_silence(silence_id: UUID, session: SessionOf) -> None:
    """End a silence now."""
    if not end_silence(session, silence_id):
        raise Problem(404, "no such silence is active")


@router.put("/alerts/{alert_id}/acknowledgement", status_code=204, responses=_NO_ALERT)
def put_acknowledgement(alert_id: UUID, wanted: NewAcknowledgement, session: SessionOf) -> None:
    """Say what you make of an alert; the last word counts."""
    if not judge(session, alert_id, wanted):
        raise Problem(404, "there is no such alert")


@router.get("/alerts/{alert_id}/acknowledgement", responses=_NO_ALERT)
def get_acknowledgement(alert_id: UUID, session: SessionOf) -> Acknowledgement:
    """Return the last verdict on an alert."""
    row = acknowledgement_of(session, alert_id)
    if row is None or row.at is None:
        raise Problem(404, "nobody has acknowledged such an alert")
    return Acknowledgement(
        verdict=Verdict(row.verdict), author=row.author, note=row.note, at=row.at
    )


@router.get("/precision")
def get_precision(
    session: SessionOf,
    services: ServicesOf,
    by: Annotated[Literal["rule", "entity", "severity", "detector", "week"], Query()] = "rule",
    since: Annotated[
        str | None, Query(description="Fired then or later: ISO 8601, or 90d.")
    ] = None,
) -> Precisions:
    """Tell which share of the acknowledged alerts was wanted."""
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    first = None if since is None else parse_moment(since, newest=newest)
    return Precisions(
        groups=[
            Precision(
                name=row.name,
                alerts=row.alerts,
                judged=row.judged,
                wanted=row.wanted,
                precision=row.wanted / row.judged if row.judged else None,
            )
            for row in precision(session, by=by, since=first)
        ]
    )


def _shown(row: SilenceRow) -> Silence:
    return Silence(
        id=row.id,
        scope_kind=row.scope and row.scope.kind.value,
        scope_id=row.scope and row.scope.id,
        rule=row.rule,
        severity=row.severity,
        author=row.author,
        reason=row.reason,
        ends_at=row.ends_at,
    )
