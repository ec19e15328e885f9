"""From a detector's transition to the alert's row and to the event that its receivers get."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from alerts.evidence import most_telling
from alerts.messages import (
    MAX_RELATED,
    MAX_STORIES,
    AlertData,
    AlertEvent,
    Evidence,
    Reasons,
    Scope,
    Story,
    Tone,
    Window,
    event_body,
)
from alerts.negative_spike import upper_tail
from alerts.types import Mention, Rule, Severity, Transition, TransitionKind
from db.alert_rows import AlertEventRow, AlertRow
from db.rows import MentionRow, SeriesKey

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


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk found on one series.

    Attributes:
        rule: With the threshold that its budget left.
        rule_name: What the user calls it.
        key: The series.
        name: What people call it.
        rows: Its mentions, at least those of the window that ends with the transition.
    """

    transition: Transition
    rule: Rule
    rule_name: str
    key: SeriesKey
    name: str
    rows: Sequence[MentionRow]

    @property
    def inside(self) -> list[MentionRow]:
        """The mentions of the transition's window."""
        at, window = self.transition.reading.at, self.transition.reading.window
        return [row for row in self.rows if at - window < row.published_at <= at]


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
    telling = most_telling([to_mention(row) for row in inside], at=at, window=reading.window)
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
        reasons=_reasons(alert, found, before, models).model_dump(mode="json"),
    )


def _reasons(alert: AlertRow | None, found: Found, before: Tone, models: Sequence[str]) -> Reasons:
    reading, rule = found.transition.reading, found.rule
    volume_asked = rule.threshold * rule.min_z_volume
    inside = found.inside
    since = reading.at - reading.window
    if alert and alert.reasons:
        since = Reasons.model_validate(alert.reasons).since
    return Reasons(
        since=since,
        threshold=rule.threshold,
        z_volume=reading.z_volume,
        z_volume_asked=volume_asked,
        z_share=reading.z_share,
        z_share_asked=rule.threshold * rule.min_z_share,
        p_value=upper_tail(reading.z_volume),
        p_value_asked=upper_tail(volume_asked),
        negative=reading.negative,
        usual_share=reading.usual_share,
        models=tuple(models),
        before=before,
        window=tone_of(inside),
        stories=top_stories(inside),
    )


def tone_of(rows: Sequence[MentionRow]) -> Tone:
    """Return how the mentions that are no copies speak of their series."""
    scores = [row.score for row in rows if row.copy_of is None]
    negative = sum(row.copy_of is None and row.sentiment == "negative" for row in rows)
    count = len(scores)
    if not count:
        return Tone(accounts=0, negative_share=None, mean_score=None)
    return Tone(accounts=count, negative_share=negative / count, mean_score=sum(scores) / count)


def top_stories(rows: Sequence[MentionRow]) -> tuple[Story, ...]:
    """Return the stories that most negative accounts tell, most told first."""
    accounts = [row for row in rows if row.copy_of is None and row.sentiment == "negative"]
    accounts.sort(key=lambda row: (row.score, row.published_at, row.item_id))
    stories: dict[int | str, list[MentionRow]] = {}
    for row in accounts:
        stories.setdefault(row.tells, []).append(row)
    copies = Counter(row.copy_of for row in rows)
    told = sorted(stories.values(), key=len, reverse=True)[:MAX_STORIES]
    return tuple(
        Story(
            title=story[0].title,
            url=story[0].url,
            accounts=len(story),
            copies=sum(copies[row.item_id] for row in story),
            sources=len({row.source for row in story}),
        )
        for story in told
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
