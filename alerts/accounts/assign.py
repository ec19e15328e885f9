"""Say of each item of a stream whether it is a copy, and which story it belongs to."""

from dataclasses import dataclass
from datetime import datetime

from alerts.accounts.clock import StreamClock
from alerts.accounts.copies import Text
from alerts.accounts.copy_index import Account, CopyIndex
from alerts.accounts.stories import StoryIndex
from alerts.accounts.vectors import unpack


@dataclass(frozen=True, slots=True)
class Telling:
    """An item, as it is compared with others.

    Attributes:
        id: Unique in the stream.
        at: Event time.
        title: The headline, as published.
        text: The headline and the body by ``copies.read_text``.
        vector: The model's by ``vectors.pack``; empty: the words alone tell the story.
    """

    id: str
    at: datetime
    title: str
    text: Text
    vector: bytes = b""


class Placer:
    """Places items one after another; what it has said it never takes back.

    Memory is bounded by the accounts of 72 hours, however many copies they have. What it says
    depends on the accounts that it was given before, and on their order, alone.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._copies = CopyIndex()
        self._stories = StoryIndex()
        self._clock = StreamClock()
        self.now: datetime | None = None

    def place(self, item: Telling, *, number: int) -> Account:
        """Return the account that an item repeats, or the one that it is itself from now on.

        Args:
            item: The next one.
            number: Unique; that of an account which begins a story is the story's from then on.
        """
        found = self._copies.find(item.at, item.text)
        if found is not None:
            return found
        now = self._tick(item)
        story = self._stories.assign(
            number, item.at, item.title, now=now, vector=unpack(item.vector)
        )
        return self._account(item, story, now)

    def add(self, item: Telling, *, story: int) -> None:
        """Take in the next account, which another placer has put into a story."""
        now = self._tick(item)
        self._stories.join(story, item.at, item.title, now=now, vector=unpack(item.vector))
        self._account(item, story, now)

    def _tick(self, item: Telling) -> datetime:
        self.now = self._clock.read(item.at)
        return self.now

    def _account(self, item: Telling, story: int, now: datetime) -> Account:
        account = Account(item.id, item.at, item.text, story)
        self._copies.add(account, now)
        return account
