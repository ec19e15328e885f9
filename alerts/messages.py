"""The webhook's body as receivers, the API and `--alerts FILE` get it: one shape for all.

Signing and sending live in ``alerts.delivery``.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from alerts.types import Severity, TransitionKind

# Standard Webhooks asks for small bodies, and this is what our docs promise.
MAX_BODY_BYTES = 20_000
MAX_TITLE_CHARS = 300
MAX_NAME_CHARS = 200
# A longer URL is left out: half of one leads nowhere.
MAX_URL_CHARS = 1_000
MAX_EVIDENCE = 5
MAX_STORIES = 3
MAX_RELATED = 20

Time = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]


def _cut(limit: int) -> AfterValidator:
    return AfterValidator(lambda text: text if len(text) <= limit else text[: limit - 1] + "…")


_Rounded = AfterValidator(lambda number: number if number is None else round(number, 2))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Scope(_Part):
    """What the alert is about."""

    kind: Literal["entity", "topic", "market"]
    id: str
    name: Annotated[str, _cut(MAX_NAME_CHARS)]


class Window(_Part):
    """Event time from ``start`` (exclusive) to ``end`` (inclusive)."""

    start: Time
    end: Time


class Evidence(_Part):
    """One of the most telling accounts."""

    title: Annotated[str, _cut(MAX_TITLE_CHARS)]
    source: Annotated[str, _cut(MAX_NAME_CHARS)]
    url: Annotated[
        str | None, AfterValidator(lambda url: url if url and len(url) <= MAX_URL_CHARS else None)
    ] = Field(description="Null where the item has none.")
    published_at: Time
    score: Annotated[float, AfterValidator(lambda score: round(score, 3))] = Field(
        description="p(positive) - p(negative), from -1 (bad news) to 1."
    )


class Tone(_Part):
    """How accounts speak of the scope; null without accounts."""

    accounts: int = Field(ge=0)
    negative_share: float | None = Field(description="In [0, 1].")
    mean_score: float | None = Field(description="From -1 (bad news) to 1.")


class Story(_Part):
    """One of the stories that most negative accounts of the window tell."""

    title: Annotated[str, _cut(MAX_TITLE_CHARS)] = Field(description="Of its worst account.")
    url: Annotated[
        str | None, AfterValidator(lambda url: url if url and len(url) <= MAX_URL_CHARS else None)
    ]
    accounts: int = Field(ge=0)
    copies: int = Field(ge=0, description="Items that repeat one of the accounts.")
    sources: int = Field(ge=0)


class Figures(_Part):
    """What was counted in a window of so many hours, as ``observed`` and ``expected`` are."""

    hours: float
    observed: Annotated[float, _Rounded]
    expected: Annotated[float | None, _Rounded] = Field(description="Null of a peak.")


class Reasons(_Part):
    """What the detector computed, and what it was compared with."""

    since: Time = Field(description="Start of the window in which it fired.")
    threshold: float = Field(
        description="So many times the scores of the rule were asked for, by the alert budget."
    )
    z_volume: float
    z_volume_asked: float
    z_share: float
    z_share_asked: float
    p_value: float = Field(
        description="Of the volume score, where only chance is at work; says something of "
        "negative_spike and attention_surge alone."
    )
    p_value_asked: float
    negative: int = Field(description="Negative accounts, each counted.")
    usual_share: float = Field(description="Expected negative share of the accounts.")
    models: tuple[str, ...] = Field(description="Versions of the classifier.")
    before: Tone = Field(description="In the week before the window in which it fired.")
    window: Tone = Field(description="In the window of this event.")
    stories: tuple[Story, ...] = Field(max_length=MAX_STORIES)
    fired: Figures | None = Field(
        default=None,
        description="When it fired: what comes afterwards moves what counts as usual.",
    )
    peak: Figures | None = Field(
        default=None, description="The most since it fired. Null, as above, in older alerts."
    )


class AlertData(_Part):
    """The alert as of the event."""

    id: UUID = Field(description="The same in all events of one alert.")
    detector: str
    severity: Severity
    scope: Scope
    detected_at: Time = Field(description="Event time at which the alert fired.")
    window: Window = Field(description="The window that the counts below are of.")
    observed: Annotated[float, _Rounded] = Field(
        description="Negative accounts, each source counted once an hour."
    )
    expected: Annotated[float, _Rounded] = Field(
        description="The same as the series' own history lets expect."
    )
    items: int = Field(ge=0, description="Items in the window, copies included.")
    accounts: int = Field(ge=0, description="Items that are no copies.")
    stories: int = Field(ge=0, description="Distinct ones that the negative accounts tell.")
    sources: int = Field(ge=0, description="Distinct sources of the negative accounts.")
    evidence: tuple[Evidence, ...] = Field(
        max_length=MAX_EVIDENCE, description="Most telling first."
    )
    rule: str = Field(default="", description="Name of the rule that decided.")
    related: tuple[Scope, ...] = Field(
        default=(),
        max_length=MAX_RELATED,
        description="The same news would have raised alerts on these too; they are not sent.",
    )
    suppressed_by: UUID | None = Field(
        default=None, description="The alert that tells the same news; null: this one is sent."
    )
    flapping: bool = Field(
        default=False,
        description="It ended and came back too often in a day: it now ends after a long quiet.",
    )
    reasons: Reasons | None = Field(
        default=None, description="Null in alerts of versions that did not store them."
    )


class AlertEvent(_Part):
    """One thing said about an alert."""

    type: TransitionKind
    timestamp: Time = Field(description="Event time of the change.")
    data: AlertData


def event_body(event: AlertEvent) -> str:
    """Write an event as the exact JSON text that is stored, signed and sent.

    Args:
        event: The event; where it would be too long its least telling evidence is left out, then
            its stories, then the related scopes.

    Returns:
        JSON whose UTF-8 is shorter than ``MAX_BODY_BYTES``.

    Raises:
        ValueError: If the event is too long even without evidence.
    """
    for data in _shorter(event.data):
        body = event.model_copy(update={"data": data}).model_dump_json()
        if len(body.encode()) < MAX_BODY_BYTES:
            return body
    msg = f"an event of {event.data.id} is longer than {MAX_BODY_BYTES} bytes without evidence"
    raise ValueError(msg)


def _shorter(data: AlertData) -> Iterator[AlertData]:
    for keep in range(len(data.evidence), -1, -1):
        yield data.model_copy(update={"evidence": data.evidence[:keep]})
    reasons = data.reasons and data.reasons.model_copy(update={"stories": ()})
    data = data.model_copy(update={"evidence": (), "reasons": reasons})
    yield data
    yield data.model_copy(update={"related": ()})


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the body; docs/schemas/alert.v1.json is this."""
    schema = AlertEvent.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
