"""The values that cross the border of the database package: plain, frozen, no SQLAlchemy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from db.tone import Tone


class ScopeKind(StrEnum):
    """What a trend series is about."""

    MARKET = "market"  # every relevant item; id "all"
    TOPIC = "topic"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """Names one trend series."""

    kind: ScopeKind
    id: str


@dataclass(frozen=True, slots=True)
class EntityRow:
    """A company (or other entity) that an item speaks of.

    Attributes:
        kind: "company", or "unlisted" where the name is all that is known of it.
        tone: Towards it; None: that of the whole text.
        counts: Whether the item adds to its series.
    """

    id: str
    name: str
    kind: str = "company"
    tone: Tone | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One classified news item, ready to be stored.

    Attributes:
        text_hash: Hash of the normalised text: equal for exact copies.
        tone: Of the whole text.
        model: Version of the classifier.
        topics: (topic, probability in [0, 1]).
        relevance: Probability in [0, 1] that it concerns finance; None where it is not told.
        is_relevant: Whether the item adds to the series of its topics and of the market.
        story_vector: What the classifier gives it to tell stories by; empty where it gives nothing.
    """

    id: str
    published_at: datetime
    title: str
    body: str
    source: str
    url: str | None
    language: str
    text_hash: str
    tone: Tone
    model: str
    topics: tuple[tuple[str, float], ...] = ()
    entities: tuple[EntityRow, ...] = ()
    relevance: float | None = None
    is_relevant: bool = True
    story_vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Places:
    """Where items belong.

    Attributes:
        copies: The id of each copy with that of its account.
        stories: By an item's id the number of the account that began its story, where it is known.
    """

    copies: Mapping[str, str] = field(default_factory=dict)
    stories: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition has been stored.

    Attributes:
        next_offset: The offset after the last stored (or dead-lettered) message.
        event_at: Newest event time stored from this partition; None before the first.
    """

    topic: str
    partition: int
    next_offset: int
    event_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoreResult:
    """Ids of the items that were new, and of those among them that are no copies.

    Attributes:
        left_out: How many new unlisted companies were too many.
    """

    new: frozenset[str]
    accounts: frozenset[str]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One bucket of one series. ``negative + neutral + positive == accounts``.

    Attributes:
        stories: Distinct ones that the accounts tell.
        sources: Distinct ones of the accounts.
    """

    start: datetime
    items: int
    accounts: int
    negative: int
    neutral: int
    positive: int
    stories: int
    sources: int
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class HourRow:
    """Accounts of one series in the hour that starts at ``start``.

    Attributes:
        negative_sources: Distinct sources of the negative accounts.
    """

    start: datetime
    accounts: int
    negative: int
    negative_sources: int


@dataclass(frozen=True, slots=True)
class MentionRow:
    """One stored item as a member of one series; copies included.

    Attributes:
        sentiment: Towards the company, in a company's series; else of the whole text.
        score: The same as a number, p(positive) - p(negative).
        story: Number of the account that began its story; None where none was told.
    """

    item_id: str
    published_at: datetime
    source: str
    title: str
    url: str | None
    language: str
    sentiment: str
    score: float
    copy_of: str | None
    story: int | None = None

    @property
    def tells(self) -> int | str:
        """Equal for items of one story; without one it is the item's own."""
        return self.item_id if self.story is None else self.story


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


class TargetKind(StrEnum):
    """How a subscription is reached."""

    WEBHOOK = "webhook"
    CHAT = "chat"  # mail as well


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """No alert that it matches is sent before it ends. Its times are the wall clock's.

    Attributes:
        scope: Only alerts on this series; None, as below: any.
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

    def holds(self, alert: AlertRow) -> bool:
        """Whether it matches an alert."""
        return (
            self.scope in {None, alert.scope}
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


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A target with its filters; an empty filter lets everything pass.

    Attributes:
        url: Of a webhook; of a chat what may be shown of it.
        language: Of messages to chat and mail, "en" or "zh".
        quiet_start: Local time from which alerts are held ...
        quiet_end: ... until this one, when a digest tells them; it may be on the next day.
        digest_at: Local times at which what came since the last is told; empty: at once.
        critical_passes: Whether critical alerts are told at once all the same.
        secret: Encrypted: what signs for a webhook, the URL of a chat.
        operations: Whether it is also told of the watch itself: endpoints that are disabled,
            deliveries that died, sources that fell silent.
        failing_since: Wall-clock time of the first failure since the last success.
    """

    id: UUID
    url: str
    secret: bytes
    description: str
    entities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    watchlists: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    kind: TargetKind = TargetKind.WEBHOOK
    language: str = "en"
    quiet_start: time | None = None
    quiet_end: time | None = None
    digest_at: tuple[time, ...] = ()
    time_zone: str = "UTC"
    critical_passes: bool = False
    paused: bool = False
    operations: bool = False
    disabled_reason: str | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """An event that is about no alert.

    Attributes:
        key: Tells one notice from another: the same key reaches a subscription once.
        subject: Notices about one subject go out in order.
        body: The exact JSON text that is signed and sent.
    """

    key: str
    subject: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class SourceSilenceRow:
    """A silence of a source, in event time; ``ended_at`` is None while it lasts."""

    source: str
    since: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event on its way to one subscription.

    Attributes:
        id: The webhook-id, the same over all attempts.
        attempts: How many were made before this one.
        old_secrets: Those that were replaced and still sign, encrypted, newest first.
    """

    id: str
    subscription: SubscriptionRow
    type: str
    body: str
    attempts: int
    old_secrets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try to send a delivery. ``at`` is wall-clock time.

    Attributes:
        outcome: "delivered", "failed", "gone" or "dead".
        status: HTTP status, None where there was no response.
    """

    delivery_id: str
    at: datetime
    outcome: str
    status: int | None
    detail: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryStateRow:
    """How far one delivery is.

    Attributes:
        position: Grows with each delivery that is stored; has gaps.
        id: The webhook-id.
        alert_id: What its event is about; None: something else than an alert.
        type: Of its event.
        state: "pending", "held" (for a digest), "digested", "delivered" or "dead".
        attempts: Made since it was stored or last replayed.
        next_attempt_at: Wall-clock time; None: at once, or never again.
    """

    position: int
    id: str
    subscription_id: UUID
    alert_id: UUID | None
    type: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
