"""First stage: messages into items, or into rejects with a reason. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.messages import BadItem, Limits, NewsItem, Reason, parse_item
from pipeline.raw_masking import mask_raw


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a topic, whatever carried it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message that is a news item."""

    message: Message
    item: NewsItem


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message for the dead letter topic."""

    message: Message
    reason: Reason
    detail: str


def parse(
    messages: Sequence[Message], *, now: datetime, limits: Limits
) -> tuple[list[Parsed], list[Rejected]]:
    """Split messages into items and rejects, both in the order of the messages.

    Where personal data is masked, the messages that come back hold none either: they may become
    dead letters.
    """
    parsed: list[Parsed] = []
    rejected: list[Rejected] = []
    for message in messages:
        try:
            item = parse_item(message.value or b"", now=now, limits=limits)
        except BadItem as error:
            value = message.value and mask_raw(message.value, limits.mask)
            rejected.append(Rejected(replace(message, value=value), error.reason, error.detail))
        else:
            kept = replace(message, value=item.to_bytes()) if limits.mask else message
            parsed.append(Parsed(kept, item))
    return parsed, rejected
