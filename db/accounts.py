"""The accounts of the last days in the order in which they were stored, for telling near copies.

Under the lock they are numbered and committed one transaction after another: who has read up to
a number has missed nothing before it. The rule itself: alerts.accounts.copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from db.bulk import execute_many
from db.engine import Session
from db.rows import ItemRow

# Any number that no other lock of ours has.
_LOCK = 7_206_001
_PAGE = 5_000

_TAKE_LOCK = sa.text("SELECT pg_advisory_xact_lock(:lock)")

_FIRST = sa.text("SELECT coalesce(max(number), 0) - :most FROM recent_accounts")

_AFTER = sa.text("""
    SELECT a.number, a.item_id, a.published_at, i.title, i.body
    FROM recent_accounts AS a JOIN items AS i ON i.id = a.item_id
    WHERE a.number > :number ORDER BY a.number LIMIT :page
""")

_ADD = sa.text("""
    INSERT INTO recent_accounts (item_id, published_at)
    SELECT * FROM unnest(CAST(:item_id AS text[]), CAST(:published_at AS timestamptz[]))
    RETURNING number
""")

_FORGET = sa.text("DELETE FROM recent_accounts WHERE published_at < :before")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its text. ``number`` grows with each that is stored."""

    number: int
    item_id: str
    published_at: datetime
    title: str
    body: str


def lock_accounts(session: Session) -> None:
    """Wait until no other transaction adds accounts, and keep others waiting until the end."""
    session.execute(_TAKE_LOCK, {"lock": _LOCK})


def first_number(session: Session, *, most: int) -> int:
    """Return the number after which at most ``most`` accounts are known."""
    return int(session.execute(_FIRST, {"most": most}).scalar_one())


def accounts_after(session: Session, number: int) -> list[AccountRow]:
    """Return some thousand accounts after a number, in order; empty when there are no more."""
    found = session.execute(_AFTER, {"number": number, "page": _PAGE})
    return [AccountRow(*row) for row in found]


def add_accounts(session: Session, rows: Sequence[ItemRow], *, forget_before: datetime) -> int:
    """Add items as accounts and drop those that are too old; does not commit.

    Args:
        session: A transaction that holds the lock.
        rows: In their order; at least one.
        forget_before: Event time.

    Returns:
        The number of the last one added.
    """
    session.execute(_FORGET, {"before": forget_before})
    columns = [{"item_id": row.id, "published_at": row.published_at} for row in rows]
    numbers: list[int] = [number for (number,) in execute_many(session, _ADD, columns)]
    return max(numbers)
