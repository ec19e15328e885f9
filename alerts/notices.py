"""Bodies of the events that are about no single alert; ``alerts.messages`` has those.

All have the form ``{type, timestamp, data}`` and a JSON Schema in docs/schemas.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from alerts.messages import MAX_BODY_BYTES, AlertEvent, Scope, Time
from alerts.types import Severity

# More than one reads; the list of alerts has the rest.
MAX_DIGEST = 50


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Notice(_Part):
    """One event; its time is the wall clock's unless the type says otherwise."""

    type: str
    timestamp: Time


class Endpoint(_Part):
    """The subscription that an event is about."""

    subscription_id: UUID
    endpoint: str = Field(description="Scheme and host of its URL.")
    description: str


class DisabledEndpoint(Endpoint):
    """An endpoint to which nothing is sent any more."""

    reason: str
    failing_since: Time | None = Field(description="Null where its first failure disabled it.")
    dead: int = Field(ge=0, description="Deliveries that were given up with it.")


class EndpointDisabled(Notice):
    """An endpoint was disabled: it said 410, or failed for five days."""

    type: Literal["endpoint.disabled"] = "endpoint.disabled"
    data: DisabledEndpoint


class DeadDelivery(Endpoint):
    """A delivery that used up its schedule."""

    delivery_id: str = Field(description="The webhook-id; it can be replayed.")
    event_type: str
    attempts: int = Field(ge=1)
    status: int | None = Field(description="Of the last attempt; null where nothing answered.")
    detail: str | None = Field(description="Why the last attempt failed.")


class DeliveryDead(Notice):
    """An event was given up after the last attempt."""

    type: Literal["delivery.dead"] = "delivery.dead"
    data: DeadDelivery


class Trial(_Part):
    """Nothing but a test."""

    subscription_id: UUID
    text: str = "This is a test of tapewatch. No alert has fired."


class SubscriptionTest(Notice):
    """Somebody pressed the test button."""

    type: Literal["subscription.test"] = "subscription.test"
    data: Trial


class DigestScope(_Part):
    """What an alert is about."""

    kind: str
    id: str
    name: str


class DigestEntry(_Part):
    """One alert as its last event in the digest told it."""

    id: UUID = Field(description="Of the alert.")
    event: str = Field(description='Its last one: "alert.fired", "alert.resolved" ...')
    at: Time = Field(description="Event time of that.")
    severity: str
    detector: str
    scope: DigestScope
    detected_at: Time
    observed: float
    expected: float
    title: str | None = Field(description="Of the most telling account; null without evidence.")
    related: tuple[DigestScope, ...] = Field(
        default=(), description="Companies whose own alert is not sent: this one tells their news."
    )


class Digest(_Part):
    """What came in while alerts were held back."""

    since: Time = Field(description="When the first of them was held back.")
    until: Time
    alerts: tuple[DigestEntry, ...] = Field(description="Critical ones first, then newest first.")
    omitted: int = Field(ge=0, description="Alerts that did not fit; GET /v1/alerts has them.")


class AlertDigest(Notice):
    """The alerts of quiet hours, or since the last digest."""

    type: Literal["alert.digest"] = "alert.digest"
    data: Digest


class SilentSource(_Part):
    """A source that is silent beyond its habit."""

    source: str
    silent_since: Time = Field(description="Event time, to five minutes.")
    usual_gap_s: int = Field(ge=0, description="Median of its gaps in the four weeks before.")
    expected: float = Field(
        description="Slots of five minutes in which it would have had an item since then."
    )
    once_in_days: int = Field(ge=0, description="By its habit, such a gap comes once in so long.")


class SourceSilent(Notice):
    """A source fell silent; the time is an event time."""

    type: Literal["source.silent"] = "source.silent"
    data: SilentSource


class SpokenSource(_Part):
    """A source that was silent."""

    source: str
    silent_since: Time
    spoke_at: Time = Field(description="Event time, to five minutes.")


class SourceResumed(Notice):
    """A source that was told to be silent has spoken again; the time is an event time."""

    type: Literal["source.resumed"] = "source.resumed"
    data: SpokenSource


NOTICES: tuple[type[Notice], ...] = (
    EndpointDisabled,
    DeliveryDead,
    SubscriptionTest,
    AlertDigest,
    SourceSilent,
    SourceResumed,
)


def notice_body(notice: Notice) -> str:
    """Write a notice as the exact JSON text that is stored, signed and sent."""
    return notice.model_dump_json()


def digest_entry(event: AlertEvent) -> DigestEntry:
    """Return what a digest tells of an alert whose last event this is."""
    alert = event.data
    return DigestEntry(
        id=alert.id,
        event=event.type,
        at=event.timestamp,
        severity=alert.severity,
        detector=alert.detector,
        scope=_digest_scope(alert.scope),
        detected_at=alert.detected_at,
        observed=alert.observed,
        expected=alert.expected,
        title=alert.evidence[0].title if alert.evidence else None,
        related=tuple(_digest_scope(scope) for scope in alert.related),
    )


def _digest_scope(scope: Scope) -> DigestScope:
    return DigestScope(kind=scope.kind, id=scope.id, name=scope.name)


def digest_body(entries: Sequence[DigestEntry], *, since: datetime, until: datetime) -> str:
    """Write a digest as the exact JSON text that is stored, signed and sent.

    Args:
        entries: One for each alert, in any order.
        since: When the first of them was held back.
        until: When the digest is made.

    Returns:
        JSON whose UTF-8 is shorter than ``MAX_BODY_BYTES``; what does not fit is counted.
    """
    newest = sorted(entries, key=lambda entry: entry.at, reverse=True)
    told = sorted(newest, key=lambda entry: entry.severity != Severity.CRITICAL)
    keep = min(len(told), MAX_DIGEST)
    while True:
        alerts, omitted = tuple(told[:keep]), len(told) - keep
        digest = Digest(since=since, until=until, alerts=alerts, omitted=omitted)
        body = notice_body(AlertDigest(timestamp=until, data=digest))
        if keep == 0 or len(body.encode()) < MAX_BODY_BYTES:
            return body
        keep -= 1


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each type; docs/schemas/TYPE.v1.json are these."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        notice.model_fields["type"].default: dialect
        | notice.model_json_schema(mode="serialization")
        for notice in NOTICES
    }
