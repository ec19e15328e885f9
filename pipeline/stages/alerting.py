"""From a detector's transition to the alert's row and to the event that its receivers get."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from alerts.evidence import most_telling
from alerts.messages import AlertData, Evidence, Scope, Window, alert_event, event_body
from alerts.types import Mention, Severity, Transition, TransitionKind
from db.rows import AlertEventRow, AlertRow, MentionRow, SeriesKey

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
        title=row.title,
        negative=row.sentiment == "negative",
        score=row.score,
        is_copy=row.copy_of is not None,
    )


def moved(
    alert: AlertRow | None,
    transition: Transition,
    *,
    key: SeriesKey,
    name: str,
    rows: Sequence[MentionRow],
) -> AlertRow:
    """Return the alert as it stands after the transition.

    Args:
        alert: As it stood before; None, or an older and resolved one, when this one fires.
        transition: What the detector found.
        key: The series.
        name: What people call the series.
        rows: Its mentions, at least those of the window that ends with the transition.
    """
    reading = transition.reading
    at, start = reading.at, reading.at - reading.window
    fired = transition.kind is TransitionKind.FIRED
    resolved = transition.kind is TransitionKind.RESOLVED
    inside = [row for row in rows if start < row.published_at <= at]
    by_id = {row.item_id: row for row in inside}
    # By the time an alert resolves its reasons have left the window: it keeps those it had.
    keep = alert if alert and resolved else None
    telling = most_telling([to_mention(row) for row in inside], at=at, window=reading.window)
    return AlertRow(
        id=alert_id(DETECTOR, key, transition.fired_at),
        detector=DETECTOR,
        scope=key,
        scope_name=name,
        severity=transition.severity.value,
        state="resolved" if resolved else "firing",
        revision=1 if fired or alert is None else alert.revision + 1,
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
    )


def said_of(alert: AlertRow, kind: TransitionKind) -> AlertEventRow:
    """Return the event that tells receivers of the alert's latest change."""
    told = AlertData(
        id=alert.id,
        detector=alert.detector,
        severity=Severity(alert.severity),
        scope=Scope.model_validate(
            {"kind": alert.scope.kind.value, "id": alert.scope.id, "name": alert.scope_name}
        ),
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
    )
    body = event_body(alert_event(kind, at=alert.updated_at, alert=told))
    return AlertEventRow(alert.id, alert.revision, kind.value, alert.updated_at, body)


def _languages(rows: Sequence[MentionRow]) -> tuple[str, ...]:
    return tuple(sorted({row.language for row in rows if row.copy_of is None}))
