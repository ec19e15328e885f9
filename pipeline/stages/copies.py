"""Which items nearly repeat an account, the same over all workers, and in a backtest.

The rule is in alerts.accounts.copies. Exact copies are told by the hash of their text, without a
bound on how many texts there are: db.copies.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from alerts.accounts.clock import StreamClock
from alerts.accounts.copies import COPY_WINDOW, MOST_ACCOUNTS, Account, CopyIndex, Text, read_text
from db.accounts import accounts_after, add_accounts, first_number, lock_accounts
from db.copies import mark_copies
from db.engine import Session
from db.rows import ItemRow


class RecentAccounts:
    """The accounts of the last 72 hours in memory; depends on their order alone."""

    def __init__(self) -> None:
        """Begin empty."""
        self._index = CopyIndex()
        self._clock = StreamClock()
        self.now: datetime | None = None

    def add(self, item_id: str, at: datetime, text: Text) -> None:
        """Take in the next account."""
        self.now = self._clock.read(at)
        self._index.add(Account(item_id, at, text), self.now)

    def near(self, row: ItemRow, text: Text | None = None) -> tuple[str, datetime] | None:
        """Return id and event time of the account that an item repeats; else take it in.

        Args:
            row: The item.
            text: What is compared; by default it is read from the item.
        """
        text = text or read_text(row.title, row.body)
        found = self._index.find(row.published_at, text)
        if found is not None:
            return found.id, found.at
        self.add(row.id, row.published_at, text)
        return None


class SharedCopies:
    """Marks copies among the items of all workers; one transaction at a time.

    Every worker has the accounts in memory and adds what others stored, in the order in which
    the database numbers them, before it looks for copies itself. Adding is under a lock that ends
    with the transaction, so that two workers cannot each take a text for the first of its kind.
    """

    def __init__(self) -> None:
        """Begin with nothing read; the first use reads the accounts of the last 72 hours."""
        self._known: RecentAccounts | None = None
        self._number = 0

    def mark(
        self, session: Session, rows: Sequence[ItemRow], texts: Mapping[str, Text]
    ) -> dict[str, str]:
        """Set ``copy_of`` of the copies among items just inserted; does not commit.

        If the transaction does not end well ``forget`` must be called.

        Args:
            session: The transaction that inserted the items.
            rows: The items.
            texts: For their ids what is compared; a text that lacks is read here.

        Returns:
            The id of each copy with that of its account.
        """
        if not rows:
            return {}
        known = self._caught_up(session)  # much at the first time: not under the lock
        lock_accounts(session)
        self._caught_up(session)
        added: list[ItemRow] = []

        def near(row: ItemRow) -> tuple[str, datetime] | None:
            found = known.near(row, texts.get(row.id))
            if found is None:
                added.append(row)
            return found

        copies = mark_copies(session, rows, near=near)
        if added and known.now:
            horizon = known.now - COPY_WINDOW
            self._number = add_accounts(session, added, forget_before=horizon)
        return copies

    def forget(self) -> None:
        """Drop what is in memory: a transaction that may not have been committed is part of it."""
        self._known = None

    def _caught_up(self, session: Session) -> RecentAccounts:
        if self._known is None:
            self._known = RecentAccounts()
            self._number = first_number(session, most=MOST_ACCOUNTS)
        while rows := accounts_after(session, self._number):
            for row in rows:
                self._known.add(row.item_id, row.published_at, read_text(row.title, row.body))
            self._number = rows[-1].number
        return self._known
