"""The accounts of the last days in the order in which they were stored, and all items' stories.

Under the lock accounts are numbered and committed one transaction after another: who has read up
to a number has missed nothing before it. The rules by which near copies and stories are told:
alerts.accounts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from db.bulk import execute_many
from db.engine import Session

# Any number that no other lock of ours has.
_LOCK = 7_206_001
_PAGE = 5_000

_TAKE_LOCK = sa.text("SELECT pg_advisory_xact_lock(:lock)")

_FIRST = sa.text("""
    SELECT coalesce((SELECT number FROM recent_accounts ORDER BY number DESC OFFSET :most LIMIT 1),
                    0)
""")

# An account without a story was stored by a version that told none.
_AFTER = sa.text("""
    SELECT a.number, a.item_id, a.published_at, i.title, i.body, i.model,
           coalesce(a.story, a.number), a.vector
    FROM recent_accounts AS a JOIN items AS i ON i.id = a.item_id
    WHERE a.number > :number ORDER BY a.number LIMIT :page
""")

_NUMBERS = sa.text("""
    SELECT nextval(pg_get_serial_sequence('recent_accounts', 'number'))
    FROM generate_series(1, :count)
""")

_ADD = sa.text("""
    INSERT INTO recent_accounts (number, item_id, published_at, story, vector)
    OVERRIDING SYSTEM VALUE
    SELECT * FROM unnest(CAST(:number AS bigint[]), CAST(:item_id AS text[]),
                         CAST(:published_at AS timestamptz[]), CAST(:story AS bigint[]),
                         CAST(:vector AS bytea[]))
""")

_FORGET = sa.text("DELETE FROM recent_accounts WHERE published_at < :before")

_ADD_STORIES = sa.text("""
    INSERT INTO item_stories (item_id, story)
    SELECT * FROM unnest(CAST(:item_id AS text[]), CAST(:story AS bigint[]))
""")

_STORIES = sa.text("""
    SELECT item_id, story FROM item_stories WHERE item_id = ANY(CAST(:item_id AS text[]))
""")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is to be stored.

    Attributes:
        number: One of ``new_numbers``.
        story: Number of the account that began its story.
        vector: What the model gave its text, as bytes; empty where it gave nothing.
    """

    number: int
    item_id: str
    published_at: datetime
    story: int
    vector: bytes


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its text. ``number`` grows with each that is stored."""

    number: int
    item_id: str
    published_at: datetime
    title: str
    body: str
    model: str
    story: int
    vector: bytes


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


def new_numbers(session: Session, count: int) -> list[int]:
    """Return numbers above all that were given, in order; those that are not used leave gaps.

    The transaction must hold the lock: a number must not be passed by one that commits before it.
    """
    return sorted(session.execute(_NUMBERS, {"count": count}).scalars())


def add_accounts(
    session: Session, accounts: Sequence[NewAccount], *, forget_before: datetime
) -> None:
    """Add accounts and drop those that are too old; does not commit.

    Args:
        session: The transaction that holds the lock.
        accounts: By number.
        forget_before: Event time.
    """
    session.execute(_FORGET, {"before": forget_before})
    columns = [
        {
            "number": account.number,
            "item_id": account.item_id,
            "published_at": account.published_at,
            "story": account.story,
            "vector": account.vector,
        }
        for account in accounts
    ]
    execute_many(session, _ADD, columns)


def add_stories(session: Session, stories: Mapping[str, int]) -> None:
    """Keep the stories of items just inserted, by their ids; does not commit."""
    columns = [{"item_id": item_id, "story": stories[item_id]} for item_id in sorted(stories)]
    execute_many(session, _ADD_STORIES, columns)


def stories_of(session: Session, item_ids: Collection[str]) -> dict[str, int]:
    """Return the story of each of these items that has one."""
    columns = [{"item_id": item_id} for item_id in item_ids]
    return dict(execute_many(session, _STORIES, columns))
