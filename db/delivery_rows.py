"""The rows of subscriptions and of what is sent to them; db.alert_rows has those of alerts."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from uuid import UUID


class TargetKind(StrEnum):
    """How a subscription is reached."""

    WEBHOOK = "webhook"
    CHAT = "chat"  # mail as well


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
class DeliveryRow:
    """One event on its way to one subscription.

    Attributes:
        id: The webhook-id, the same over all attempts.
        attempts: How many were made before this one.
        subject: What the event is about: an alert's id, a source ...
        old_secrets: Those that were replaced and still sign, encrypted, newest first.
    """

    id: str
    subscription: SubscriptionRow
    type: str
    body: str
    attempts: int
    subject: str = ""
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
        state: "pending", "held" (for a digest), "digested" (told by one, or by a later event that
            waited for none), "delivered" or "dead".
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
