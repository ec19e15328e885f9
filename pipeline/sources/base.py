"""What a source is: something that yields records, readable or not. No Kafka."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.messages import BadItem, NewsItem


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no item; it goes to the dead letter topic.

    Attributes:
        raw: As it came, perhaps cut, with personal data masked.
        origin: Where it stands, such as "news.jsonl:17".
    """

    raw: bytes
    error: BadItem
    origin: str


class Source(Protocol):
    """Anything that yields news items and what could not be read as one."""

    def records(self, stopping: threading.Event | None = None) -> Iterator[NewsItem | Unreadable]:
        """Yield records in the order in which they are to be published.

        Items are cleaned and have an id. A source that waits for news ends soon after
        ``stopping`` is set; its last record may be half of one.
        """
        ...
