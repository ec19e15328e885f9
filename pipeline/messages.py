"""The wire schemas, version 1, and how raw bytes become an item. No Kafka, no database.

docs/schemas/ holds their JSON Schemas; a test holds the two equal.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import from_json

from models.labels import Sentiment
from pipeline.masking import Personal, mask
from pipeline.text import clean, digest, guess_language, normalised, plain, web_address

_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{2,8})*")
# In UTC: what is a little before or after in its own zone would be so for the next reader.
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = datetime(9999, 1, 1, tzinfo=UTC)


class Reason(StrEnum):
    """Why something is a dead letter; also the label of the metric."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    MISSING_TITLE = "missing_title"
    MISSING_SOURCE = "missing_source"
    MISSING_DATE = "missing_date"
    BAD_DATE = "bad_date"
    FUTURE_DATE = "future_date"
    TOO_LONG = "too_long"
    BAD_FIELD = "bad_field"
    NOT_PROCESSABLE = "not_processable"  # read, but the classifier or the database refused it


class BadItem(ValueError):
    """An input that is no news item.

    Attributes:
        reason: From the closed set.
        detail: For a human; never the text of the item.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep reason and detail."""
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """What an item may be at most, and what of it is masked."""

    max_text_chars: int = 100_000
    max_future: timedelta = timedelta(hours=1)
    mask: Collection[Personal] = ()


def _parse_time(value: object) -> datetime:
    """Return an aware UTC time from ISO 8601 text (or from a datetime)."""
    moment = value
    if isinstance(value, str):
        with suppress(ValueError):  # which would repeat the text
            moment = datetime.fromisoformat(value)
    if not isinstance(moment, datetime):
        msg = "must be ISO 8601 text"
        raise ValueError(msg)  # noqa: TRY004  (pydantic turns only ValueError into its own)
    if moment.tzinfo is None:
        msg = "has no UTC offset"
        raise ValueError(msg)
    if not _OLDEST <= moment < _NEWEST:
        msg = "is out of range"
        raise ValueError(msg)
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_parse_time)]
_Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class NewsItem(BaseModel):
    """A news item as it enters, `news.raw.v1`. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", title="NewsItem v1")

    published_at: Moment = Field(description="Event time: ISO 8601 with an offset.")
    title: str = Field(min_length=1, description="Headline; HTML is reduced to text.")
    body: str = Field(default="", description="Text; HTML is reduced to text.")
    source: _Short = Field(description="Who published it; distinct sources are counted.")
    url: str | None = Field(default=None, description="http or https; anything else is dropped.")
    language: str | None = Field(
        default=None, description="ISO 639 code; guessed (en or zh) where it is absent."
    )
    id: _Short | None = Field(
        default=None, description="Same id, same item; made from the content where it is absent."
    )

    def to_bytes(self) -> bytes:
        """Return the UTF-8 JSON that goes on the wire."""
        return self.model_dump_json().encode()


class ScoredTopic(BaseModel):
    """A topic of an item with its probability."""

    model_config = ConfigDict(frozen=True)

    topic: str
    probability: float = Field(ge=0, le=1)


class ScoredEntity(BaseModel):
    """A company that an item speaks of."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    sentiment: Sentiment | None = Field(
        default=None, description="Towards the company; absent in messages of older versions."
    )
    probabilities: dict[Sentiment, float] | None = None
    score: float | None = Field(default=None, ge=-1, le=1, description="Towards the company.")


class ScoredItem(BaseModel):
    """A stored item with its analysis, `news.scored.v1`. At least once: dedupe by ``id``."""

    model_config = ConfigDict(frozen=True, title="ScoredItem v1")

    id: str
    published_at: AwareDatetime
    title: str
    source: str
    url: str | None
    language: str
    text_hash: str = Field(description="Equal for exact copies.")
    sentiment: Sentiment
    probabilities: dict[Sentiment, float]
    score: float = Field(ge=-1, le=1, description="p(positive) - p(negative).")
    topics: tuple[ScoredTopic, ...]
    entities: tuple[ScoredEntity, ...]
    model: str = Field(description="Version of the classifier.")
    relevance: float | None = Field(default=None, ge=0, le=1, description="To finance; or null.")

    def to_bytes(self) -> bytes:
        """Return the UTF-8 JSON that goes on the wire."""
        return self.model_dump_json().encode()


def parse_item(raw: bytes, *, now: datetime, limits: Limits) -> NewsItem:
    """Return the item that raw JSON holds, cleaned, with ``id`` and ``language`` filled in.

    Args:
        raw: One JSON object, UTF-8, a byte order mark allowed.
        now: The wall clock, for the check of dates ahead of it.
        limits: What is too long and too far ahead.

    Returns:
        An item whose title is not empty and whose time is UTC.

    Raises:
        BadItem: With the reason why it is none.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadItem(Reason.NOT_UTF8, f"byte {error.start}") from error
    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadItem(Reason.NOT_JSON, str(error)[:200]) from error
    if not isinstance(content, dict):
        raise BadItem(Reason.NOT_OBJECT, f"a {type(content).__name__}")
    return item_from(content, now=now, limits=limits)


def item_from(content: Mapping[str, object], *, now: datetime, limits: Limits) -> NewsItem:
    """Return the item that a decoded JSON object holds; see ``parse_item``.

    Raises BadItem with the reason why it is none.
    """
    title, body = content.get("title"), content.get("body")
    length = sum(len(part) for part in (title, body) if isinstance(part, str))
    if length > limits.max_text_chars:
        raise BadItem(Reason.TOO_LONG, f"{length} characters, {limits.max_text_chars} allowed")
    fields = {key: value for key, value in content.items() if value is not None}
    for key in ("title", "body", "source", "id", "url"):
        value = fields.get(key)
        if isinstance(value, str):
            is_text = key in {"title", "body"}
            fields[key] = mask(clean(value), limits.mask) if is_text else plain(value)
    for key in ("url", "id"):  # empty means absent
        if fields.get(key) == "":
            del fields[key]
    try:
        item = NewsItem.model_validate(fields)
    except ValidationError as error:
        raise _bad_item(error) from error
    if item.published_at > now + limits.max_future:
        raise BadItem(Reason.FUTURE_DATE, item.published_at.isoformat())
    return item.model_copy(
        update={
            "id": item_id(item),
            "url": web_address(item.url),
            "language": _language(item),
        }
    )


def item_id(item: NewsItem) -> str:
    """Return the item's own id, or one that its content decides."""
    if item.id is not None:
        return item.id
    parts = (item.published_at.isoformat(), item.source, item.url or "", item.title, item.body)
    return digest("\x1f".join(parts))


def text_hash(item: NewsItem) -> str:
    """Return 32 hex digits, equal for exact copies: same title and body, whoever published them."""
    return digest(normalised(f"{item.title}\n{item.body}"))


def _language(item: NewsItem) -> str:
    match = _LANGUAGE.fullmatch(item.language or "")
    return match[1].lower() if match else guess_language(f"{item.title} {item.body}")


_REASONS = {
    ("title", "missing"): Reason.MISSING_TITLE,
    ("title", "string_too_short"): Reason.MISSING_TITLE,
    ("source", "missing"): Reason.MISSING_SOURCE,
    ("source", "string_too_short"): Reason.MISSING_SOURCE,
    ("published_at", "missing"): Reason.MISSING_DATE,
}


def _bad_item(error: ValidationError) -> BadItem:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(first["loc"][0])
    otherwise = Reason.BAD_DATE if field == "published_at" else Reason.BAD_FIELD
    return BadItem(_REASONS.get((field, first["type"]), otherwise), f"{field}: {first['msg']}")
