"""Bodies of the events that are about no alert; those about alerts are in ``alerts.messages``.

All have the form ``{type, timestamp, data}`` and a JSON Schema in docs/schemas.
"""

from datetime import UTC
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Time = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]


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


NOTICES: tuple[type[Notice], ...] = (EndpointDisabled, DeliveryDead, SubscriptionTest)


def notice_body(notice: Notice) -> str:
    """Write a notice as the exact JSON text that is stored, signed and sent."""
    return notice.model_dump_json()


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each type; docs/schemas/TYPE.v1.json are these."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        notice.model_fields["type"].default: dialect
        | notice.model_json_schema(mode="serialization")
        for notice in NOTICES
    }
