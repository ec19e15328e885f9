"""Which items nearly repeat an account, and which story each tells: alike in all workers.

The rules are in alerts.accounts. Exact copies are told by the hash of their text, without a
bound on how many texts there are: db.copies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerts.accounts.assign import Placer, Telling
from alerts.accounts.copies import Text, read_text
from alerts.accounts.copy_index import COPY_WINDOW, MOST_ACCOUNTS
from db.accounts import (
    NewAccount,
    accounts_after,
    add_accounts,
    first_number,
    lock_accounts,
    new_numbers,
    stories_of,
)
from db.copies import mark_copies
from db.engine import Session
from db.rows import ItemRow, Places


@dataclass(slots=True)
class Placing:
    """Items on their way to a placer, which remembers those that are accounts.

    Attributes:
        numbers: As many as there are items at least.
        texts: For an item's id what is compared; a text that lacks is read here.
        stories: Of the items that were asked for.
        added: Those that are accounts, in their order.
    """

    placer: Placer
    numbers: Iterator[int]
    texts: Mapping[str, Text] = field(default_factory=dict)
    stories: dict[str, int] = field(default_factory=dict)
    added: list[NewAccount] = field(default_factory=list)

    def near(self, row: ItemRow) -> tuple[str, datetime] | None:
        """Return id and event time of the account that an item repeats; else take it in."""
        number = next(self.numbers)
        text = self.texts.get(row.id) or read_text(row.title, row.body)
        telling = Telling(row.id, row.published_at, row.title, text, row.story_vector)
        account = self.placer.place(telling, number=number)
        self.stories[row.id] = account.story
        if account.id != row.id:
            return account.id, account.at
        self.added.append(
            NewAccount(number, row.id, row.published_at, account.story, row.story_vector)
        )
        return None


class SharedAccounts:
    """Places the items of all workers; one transaction at a time.

    Every worker has the accounts in memory and adds what others stored, in the order in which
    the database numbers them, before it places items itself. Adding is under a lock that ends
    with the transaction, so that two workers cannot each take a text for the first of its kind,
    nor each begin the same story.
    """

    def __init__(self) -> None:
        """Begin with nothing read; the first use reads the accounts of the last 72 hours."""
        self._known: Placer | None = None
        self._number = 0

    def place(self, session: Session, rows: Sequence[ItemRow], texts: Mapping[str, Text]) -> Places:
        """Tell copies and stories of items just inserted; marks the copies, does not commit.

        If the transaction does not end well ``forget`` must be called.

        Args:
            session: The transaction that inserted the items.
            rows: The items.
            texts: For their ids what is compared; a text that lacks is read here.

        Returns:
            The copies, and the story of every item but the copies of accounts from before stories
            were told.
        """
        if not rows:
            return Places()
        model = rows[0].model
        self._catch_up(session, model)  # much at the first time: not under the lock
        lock_accounts(session)
        known = self._catch_up(session, model)
        placing = Placing(known, iter(new_numbers(session, len(rows))), texts)
        copies = mark_copies(session, rows, near=placing.near)
        if placing.added and known.now:
            add_accounts(session, placing.added, forget_before=known.now - COPY_WINDOW)
            self._number = placing.added[-1].number
        stories = placing.stories
        exact = copies.keys() - stories.keys()
        told = stories | stories_of(session, {copies[copy] for copy in exact} - stories.keys())
        more = {copy: told[account] for copy in exact if (account := copies[copy]) in told}
        return Places(copies, stories | more)

    def forget(self) -> None:
        """Drop what is in memory: a transaction that may not have been committed is part of it."""
        self._known = None

    def _catch_up(self, session: Session, model: str) -> Placer:
        """Return the placer, with all accounts stored by now; vectors of other models are none."""
        if self._known is None:
            self._known = Placer()
            self._number = first_number(session, most=MOST_ACCOUNTS)
        while rows := accounts_after(session, self._number):
            for row in rows:
                text = read_text(row.title, row.body)
                vector = row.vector if row.model == model else b""
                telling = Telling(row.item_id, row.published_at, row.title, text, vector)
                self._known.add(telling, story=row.story)
            self._number = rows[-1].number
        return self._known
