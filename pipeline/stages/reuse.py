"""Copies take the analysis of the text that they repeat, and so cost no forward pass.

What a process remembers is its own: a copy that another worker's account has is classified, which
costs time and changes nothing.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from alerts.accounts.clock import StreamClock
from alerts.accounts.copies import Text
from alerts.accounts.copy_index import Account, CopyIndex
from db.rows import EntityRow, ItemRow
from models.entities.gazetteer import Trust
from models.entities.linking import Finder
from models.entities.unlisted import KIND, unlisted
from pipeline.messages import NewsItem
from pipeline.stages.text import item_fields, text_of

# The worker holds the texts of the last 72 hours anyway; with what was said of them some 2 kB each.
_MOST = 20_000

Classify = Callable[[Sequence[NewsItem]], list[ItemRow]]


class _NotTold(Exception):
    """The first of a text was given up before anything was said of it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One item of a batch: what is said of its text, or will be.

    Attributes:
        told: The first of the text settles it; without title and body.
        is_first: Whether that is this item.
    """

    told: Future[ItemRow]
    is_first: bool


class Earlier:
    """What was said of the texts of the last 72 hours; bounded, for several threads at once."""

    def __init__(self, finder: Finder) -> None:
        """Begin empty; ``finder`` is the one that the items are classified with."""
        self._finder = finder
        self._lock = threading.Lock()
        self._index = CopyIndex(most=_MOST)
        self._clock = StreamClock()
        self._told: dict[str, Future[ItemRow]] = {}
        self._count = 0

    def rows(
        self, items: Sequence[NewsItem], texts: Sequence[Text], classify: Classify
    ) -> list[ItemRow]:
        """Return one row an item, in input order; asks ``classify`` for texts that are new.

        A copy in which other companies are named than in the text that it repeats is new too.
        What ``classify`` raises comes out.
        """
        seen: list[_Seen] = []
        try:
            with self._lock:
                for item, text in zip(items, texts, strict=True):
                    seen.append(self._place(item, text))
            return self._told_rows(items, seen, classify)
        finally:
            for one in seen:  # whoever waits for one that was given up classifies for himself
                if one.is_first and not one.told.done():
                    one.told.set_exception(_NotTold())

    def _told_rows(
        self, items: Sequence[NewsItem], seen: Sequence[_Seen], classify: Classify
    ) -> list[ItemRow]:
        found: dict[int, ItemRow] = {}
        # A text that is in the model just now, in this batch or the one before, is looked at later.
        later = [
            place for place, one in enumerate(seen) if not one.is_first and not one.told.done()
        ]
        self._take(items, seen, found, set(range(len(items))) - set(later))
        new = [place for place in range(len(items)) if place not in found and place not in later]
        self._classify(items, seen, found, new, classify)
        self._take(items, seen, found, later)
        left = [place for place in later if place not in found]
        self._classify(items, seen, found, left, classify)
        return [found[place] for place in range(len(items))]

    def _take(
        self,
        items: Sequence[NewsItem],
        seen: Sequence[_Seen],
        found: dict[int, ItemRow],
        places: Iterable[int],
    ) -> None:
        for place in places:
            one = seen[place]
            if not one.is_first and (taken := self._taken(items[place], one.told)):
                found[place] = taken

    def _classify(
        self,
        items: Sequence[NewsItem],
        seen: Sequence[_Seen],
        found: dict[int, ItemRow],
        places: Sequence[int],
        classify: Classify,
    ) -> None:
        if not places:
            return
        found |= zip(places, classify([items[place] for place in places]), strict=True)
        for place in places:
            if seen[place].is_first:
                seen[place].told.set_result(replace(found[place], title="", body=""))

    def _place(self, item: NewsItem, text: Text) -> _Seen:
        account = self._index.find(item.published_at, text)
        if account is not None:
            told = self._told[account.id]
            if not (told.done() and told.exception()):
                return _Seen(told, is_first=False)
            told = self._told[account.id] = Future()  # the first was given up: this is the next
            return _Seen(told, is_first=True)
        now = self._clock.read(item.published_at)
        self._count += 1
        key = str(self._count)
        told = self._told[key] = Future()
        for forgotten in self._index.add(Account(key, item.published_at, text), now):
            del self._told[forgotten]
        return _Seen(told, is_first=True)

    def _taken(self, item: NewsItem, told: Future[ItemRow]) -> ItemRow | None:
        """Return the row of a copy; None where it cannot take what was said before.

        Waits for the batch that has the text first; that one never waits for this.
        """
        if told.exception() is not None:
            return None
        earlier = told.result()
        entities = self._entities(item, earlier.entities)
        if entities is None:
            return None
        return replace(earlier, **item_fields(item), entities=entities)

    def _entities(
        self, item: NewsItem, earlier: Sequence[EntityRow]
    ) -> tuple[EntityRow, ...] | None:
        """Return the companies of a copy, None where they are others than those told before."""
        text = text_of(item)
        candidates = self._finder.candidates(text)
        named = {one.entity.id for one in candidates}
        sure = {one.entity.id for one in candidates if one.trust >= Trust.FAIR}
        folded = text.casefold()
        here = {e.id for e in earlier if e.id in named or e.name.casefold() in folded}
        if len(here) < len(earlier) or not sure <= here:
            return None
        # The outlet's own name in its own text is no company; in another outlet's it is.
        return tuple(
            e for e in earlier if e.kind != KIND or unlisted(e.name, source=item.source) is not None
        )
