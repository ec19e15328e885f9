"""Silences and acknowledgements from what people type: checked, alike for command line and API."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.types import Severity, Verdict
from db.alert_rows import AcknowledgementRow, SilenceRow
from db.engine import Session
from db.judgements import acknowledge, create_silence
from db.rows import ScopeKind, SeriesKey
from pipeline.series import BadQuery, find_one

# A silence that nobody remembers hides the next crisis.
MAX_HOURS = 90 * 24

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewSilence(_Part):
    """Which alerts are not sent, and how long. All that is given must match."""

    entity: Short | None = Field(default=None, description="Id, name or alias of a company.")
    topic: Short | None = None
    rule: Short | None = Field(default=None, description="Name of a rule.")
    severity: Severity | None = None
    hours: float = Field(gt=0, le=MAX_HOURS, description="It ends so many hours from now.")
    author: Short
    reason: Annotated[Long, StringConstraints(min_length=1)]


class NewAcknowledgement(_Part):
    """What somebody makes of an alert."""

    verdict: Verdict
    author: Short
    note: Long = ""


def silence(
    session: Session, wanted: NewSilence, *, now: datetime, companies: tuple[Path, ...] = ()
) -> SilenceRow:
    """Store a silence; does not commit.

    Args:
        session: An open session.
        wanted: What to hold back.
        now: The wall clock.
        companies: CSV files of the user's own, for names.

    Returns:
        The silence.

    Raises:
        BadQuery: If it names both a company and a topic, or neither and no rule and no severity;
            UnknownSeries, a kind of it, if nothing is called so.
    """
    scope: SeriesKey | None = None
    if wanted.entity is not None and wanted.topic is not None:
        raise BadQuery("give entity or topic, not both")
    if wanted.entity is not None:
        scope = find_one(session, ScopeKind.ENTITY, wanted.entity, companies=companies)[0]
    elif wanted.topic is not None:
        scope = find_one(session, ScopeKind.TOPIC, wanted.topic)[0]
    elif wanted.rule is None and wanted.severity is None:
        raise BadQuery("a silence needs an entity, a topic, a rule or a severity")
    row = SilenceRow(
        id=uuid4(),
        author=wanted.author,
        reason=wanted.reason,
        ends_at=now + timedelta(hours=wanted.hours),
        scope=scope,
        rule=wanted.rule,
        severity=wanted.severity,
    )
    create_silence(session, row)
    return row


def judge(session: Session, alert_id: UUID, wanted: NewAcknowledgement) -> bool:
    """Store what somebody makes of an alert; return False if there is none with that id."""
    row = AcknowledgementRow(alert_id, wanted.verdict, wanted.author, wanted.note)
    return acknowledge(session, row)
