"""Say of each item of a stream whether it is a copy, and which story it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.accounts.clock import StreamClock
from alerts.accounts.copies import Account, CopyIndex, read_text
from alerts.accounts.stories import StoryIndex


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item belongs.

    Attributes:
        copy_of: The account that it repeats; None: it is an account itself.
        story: Id of the account that began the story.
    """

    copy_of: str | None
    story: str


class Placer:
    """Places items one after another; what it has said it never takes back.

    Memory is bounded by the accounts of 72 hours, however many copies they have.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._copies = CopyIndex()
        self._stories = StoryIndex()
        self._clock = StreamClock()

    def place(
        self, item_id: str, at: datetime, title: str, body: str, vector: Sequence[float] = ()
    ) -> Place:
        """Return where an item belongs, and remember it if it is an account.

        Args:
            item_id: Unique in the stream.
            at: Event time.
            title: Plain text.
            body: Plain text, may be empty.
            vector: The model's, of length 1; without one the words alone tell the story.
        """
        now = self._clock.read(at)
        text = read_text(title, body)
        found = self._copies.find(at, text)
        if found is not None:
            return Place(copy_of=found.id, story=found.story)
        story = self._stories.assign(item_id, at, title, now=now, vector=vector)
        self._copies.add(Account(item_id, at, text, story), now)
        return Place(copy_of=None, story=story)
