"""The rows of alerts and of what people make of them; db.rows has those of news and trends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db.rows import MentionRow, ScopeKind, SeriesKey


@dataclass(frozen=True, slots=True)
class AlertRow:
    """The state of one alert. Times are event times.

    Attributes:
        id: Decided by detector, scope and ``fired_at``: a repeated tick makes the same.
        state: "firing" or "resolved".
        revision: 1 when fired, counts up with every event about the alert.
        evidence: Most telling first.
        rule: Name of the rule that decided.
        suppressed_by: The alert that tells the same news; nobody is sent this one.
        flapping: It ended and came back too often, and now ends only after a long quiet.
        related: What this alert speaks for as well, as JSON: kind, id, name.
        reasons: What the reading was compared with, as JSON in the shape of the event.
    """

    id: UUID
    detector: str
    scope: SeriesKey
    scope_name: str
    severity: str
    state: str
    revision: int
    fired_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    window_start: datetime
    window_end: datetime
    observed: float
    expected: float
    items: int
    accounts: int
    stories: int
    sources: int
    languages: tuple[str, ...]
    evidence: tuple[MentionRow, ...]
    rule: str = ""
    suppressed_by: UUID | None = None
    flapping: bool = False
    related: tuple[Mapping[str, str], ...] = ()
    reasons: Mapping[str, Any] | None = None

    @property
    def scopes(self) -> tuple[SeriesKey, ...]:
        """Its own series, and those that it speaks for."""
        related = (SeriesKey(ScopeKind(one["kind"]), one["id"]) for one in self.related)
        return (self.scope, *related)


@dataclass(frozen=True, slots=True)
class AlertEventRow:
    """One thing that was said about an alert, as its receivers get it.

    Attributes:
        type: "alert.fired", "alert.updated" or "alert.resolved".
        body: The exact JSON text that is signed and sent.
    """

    alert_id: UUID
    revision: int
    type: str
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """No alert that it matches is sent before it ends. Its times are the wall clock's.

    Attributes:
        scope: Only what is said of this series; None, as below: of any.
        rule: Only those of the rule with this name.
        severity: Only those of this severity.
    """

    id: UUID
    author: str
    reason: str
    ends_at: datetime
    scope: SeriesKey | None = None
    rule: str | None = None
    severity: str | None = None

    def holds(self, alert: AlertRow, *, about: SeriesKey | None = None) -> bool:
        """Whether it matches an alert, as one on its own series or on one that it speaks for."""
        return (
            self.scope in {None, about or alert.scope}
            and self.rule in {None, alert.rule}
            and self.severity in {None, alert.severity}
        )


@dataclass(frozen=True, slots=True)
class AcknowledgementRow:
    """What somebody made of an alert.

    Attributes:
        at: Wall-clock time; None before it is stored.
    """

    alert_id: UUID
    verdict: str
    author: str
    note: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PrecisionRow:
    """What became of the alerts of one kind.

    Attributes:
        name: Of the rule, company, severity, detector or week.
        alerts: That were sent.
        judged: Of these, acknowledged.
        wanted: Of those, called wanted.
    """

    name: str
    alerts: int
    judged: int
    wanted: int
