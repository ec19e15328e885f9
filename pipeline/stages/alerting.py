"""From a detector's transition to the alert's row and to the event that its receivers get."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from alerts.evidence import most_telling
from alerts.messages import (
    MAX_RELATED,
    AlertData,
    AlertEvent,
    Evidence,
    Reasons,
    Scope,
    Tone,
    Window,
    event_body,
)
from alerts.types import Mention, Severity, TransitionKind
from db.alert_rows import AlertEventRow, AlertRow
from db.rows import MentionRow, SeriesKey
from pipeline.stages.reasons import Found, reasons_of

# Under this name detection takes its lock and keeps the point that it has reached.
DETECTOR = "negative_spike"
# Any fixed value would do; a new one would give every alert a new id.
_NAMESPACE = UUID("5b1f3c52-6a0e-4f0b-9a70-3f6f7b1f7d11")


def alert_id(detector: str, key: SeriesKey, fired_at: datetime) -> UUID:
    """Return the id that detector, scope and the moment of firing decide."""
    moment = fired_at.astimezone(UTC).isoformat()
    return uuid5(_NAMESPACE, f"{detector}|{key.kind}|{key.id}|{moment}")


def to_mention(row: MentionRow) -> Mention:
    """Return a stored mention as detection sees it."""
    return Mention(
        item_id=row.item_id,
        at=row.published_at,
        source=row.source,
        story=row.tells,
        negative=row.sentiment == "negative",
        score=row.score,
        is_copy=row.copy_of is not None,
    )


def moved(alert: AlertRow | None, found: Found, *, before: Tone, models: Sequence[str]) -> AlertRow:
    """Return the alert as it stands after the transition.

    Args:
        alert: As it stood before; None, or an older and resolved one, when this one fires.
        found: What the detector found.
        before: The tone of the week before it fired.
        models: That told the tone of the window.
    """
    transition, reading = found.transition, found.transition.reading
    at, start = reading.at, reading.at - reading.window
    if transition.kind is TransitionKind.FIRED:
        alert = None
    resolved = transition.kind is TransitionKind.RESOLVED
    severity = transition.severity.value
    if alert and graver(alert.severity, severity):  # another one's that it speaks for
        severity = alert.severity
    inside = found.inside
    by_id = {row.item_id: row for row in inside}
    # By the time an alert resolves its reasons have left the window: it keeps those it had.
    keep = alert if alert and resolved else None
    telling = most_telling(
        [to_mention(row) for row in inside],
        at=at,
        window=reading.window,
        any_tone=found.any_tone,
    )
    return AlertRow(
        id=alert_id(found.rule.detector, found.key, transition.fired_at),
        detector=found.rule.detector.value,
        scope=found.key,
        scope_name=alert.scope_name if alert else found.name,
        severity=severity,
        state="resolved" if resolved else "firing",
        revision=alert.revision + 1 if alert else 1,
        fired_at=transition.fired_at,
        updated_at=at,
        resolved_at=at if resolved else None,
        window_start=start,
        window_end=at,
        observed=reading.observed,
        expected=reading.expected,
        items=reading.items,
        accounts=reading.accounts,
        stories=reading.stories,
        sources=reading.sources,
        languages=keep.languages if keep else _languages(inside),
        evidence=keep.evidence if keep else tuple(by_id[m.item_id] for m in telling),
        rule=found.rule_name,
        suppressed_by=alert.suppressed_by if alert else None,
        flapping=transition.flapping,
        related=alert.related if alert else (),
        reasons=reasons_of(alert, found, before, models).model_dump(mode="json"),
    )


def speaks_for(leader: AlertRow, member: AlertRow, *, at: datetime) -> AlertRow:
    """Return an alert that from now on speaks for another one as well.

    Its counts stay those of its last reading; it becomes as severe as the other one, and speaks
    of news in the other one's languages too.
    """
    scope = _scope(member).model_dump(mode="json")
    related = [other for other in leader.related if other["id"] != scope["id"]]
    return replace(
        leader,
        severity=member.severity if graver(member.severity, leader.severity) else leader.severity,
        revision=leader.revision + 1,
        # A late account may tell of a time before the leader's last change.
        updated_at=max(at, leader.updated_at),
        languages=tuple(sorted({*leader.languages, *member.languages})),
        related=tuple([*related, scope][-MAX_RELATED:]),
    )


def said_of(alert: AlertRow, kind: TransitionKind) -> AlertEventRow:
    """Return the event that tells receivers of the alert's latest change."""
    told = AlertData(
        id=alert.id,
        detector=alert.detector,
        severity=Severity(alert.severity),
        scope=_scope(alert),
        detected_at=alert.fired_at,
        window=Window(start=alert.window_start, end=alert.window_end),
        observed=alert.observed,
        expected=alert.expected,
        items=alert.items,
        accounts=alert.accounts,
        stories=alert.stories,
        sources=alert.sources,
        evidence=tuple(
            Evidence(
                title=row.title,
                source=row.source,
                url=row.url,
                published_at=row.published_at,
                score=row.score,
            )
            for row in alert.evidence
        ),
        rule=alert.rule,
        related=tuple(Scope.model_validate(scope) for scope in alert.related),
        suppressed_by=alert.suppressed_by,
        flapping=alert.flapping,
        reasons=Reasons.model_validate(alert.reasons) if alert.reasons else None,
    )
    body = event_body(AlertEvent(type=kind, timestamp=alert.updated_at, data=told))
    return AlertEventRow(alert.id, alert.revision, kind.value, alert.updated_at, body)


def graver(one: str, other: str) -> bool:
    """Tell whether one severity is graver than another."""
    order = list(Severity)
    return order.index(Severity(one)) > order.index(Severity(other))


def _scope(alert: AlertRow) -> Scope:
    return Scope.model_validate(
        {"kind": alert.scope.kind.value, "id": alert.scope.id, "name": alert.scope_name}
    )


def _languages(rows: Sequence[MentionRow]) -> tuple[str, ...]:
    return tuple(sorted({row.language for row in rows if row.copy_of is None}))
