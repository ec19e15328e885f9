"""Tell copies from accounts: the same text within three days of event time.

Which texts are nearly the same is asked of the caller.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from db.bulk import execute_many
from db.engine import Session
from db.rows import ItemRow, Places

# Wire services and portals repeat a text within hours, rarely days; a text that comes back
# after three days (a daily wrap's boilerplate, an anniversary) is news again. As long as
# that of near copies (alerts.accounts.copy_index), which db does not know: a test holds them equal.
COPY_WINDOW = timedelta(hours=72)

Account = tuple[str, datetime]
"""Id and event time of an item that is no copy."""

Near = Callable[[ItemRow], Account | None]
"""Tells the account that an item nearly repeats; None: it is an account itself from now on."""

# The update changes nothing, and locks the row: it could else be removed before it is read.
_TAKE_TEXTS = sa.text("""
    INSERT INTO texts (text_hash, first_item_id, first_seen_at)
    SELECT * FROM unnest(CAST(:text_hash AS text[]), CAST(:item_id AS text[]),
                         CAST(:seen_at AS timestamptz[]))
    ON CONFLICT (text_hash) DO UPDATE SET stored_at = texts.stored_at
    RETURNING text_hash, first_item_id, first_seen_at
""")

_RENEW_TEXTS = sa.text("""
    UPDATE texts SET first_item_id = new.item_id, first_seen_at = new.seen_at, stored_at = now()
    FROM unnest(CAST(:text_hash AS text[]), CAST(:item_id AS text[]),
                CAST(:seen_at AS timestamptz[])) AS new (text_hash, item_id, seen_at)
    WHERE texts.text_hash = new.text_hash
""")

_MARK_COPIES = sa.text("""
    UPDATE items SET copy_of = new.copy_of
    FROM unnest(CAST(:id AS text[]), CAST(:copy_of AS text[])) AS new (id, copy_of)
    WHERE items.id = new.id
""")


def mark_copies(
    session: Session, rows: Sequence[ItemRow], *, near: Near | None = None
) -> dict[str, str]:
    """Set ``copy_of`` of the copies among items just inserted; does not commit.

    The first item of a text to be stored is its account; of equal texts in one batch it is
    the earliest published. Items within ``COPY_WINDOW`` of the account, on either side
    (news arrives out of order), are its copies. A later one becomes the new account; one
    that is older still, from a backfill, is an account of its own.

    Args:
        session: The transaction that inserted the items.
        rows: The items.
        near: Asked, by event time, for each item that is no exact copy.

    Returns:
        The id of each copy with that of its account.
    """
    if not rows:
        return {}
    in_order = sorted(rows, key=lambda row: (row.published_at, row.id))
    earliest = {row.text_hash: (row.id, row.published_at) for row in reversed(in_order)}
    taken = execute_many(session, _TAKE_TEXTS, [_text(*one) for one in sorted(earliest.items())])
    accounts = {text_hash: (item_id, seen_at) for text_hash, item_id, seen_at in taken}
    copies, renewed = assign_copies(in_order, accounts, near=near)
    execute_many(session, _RENEW_TEXTS, [_text(*one) for one in renewed.items()])
    marked = [{"id": copy, "copy_of": account} for copy, account in copies.items()]
    execute_many(session, _MARK_COPIES, marked)
    return copies


def exact_copies(session: Session, rows: Sequence[ItemRow]) -> Places:
    """Tell the exact copies alone, and no stories; else as ``mark_copies``."""
    return Places(mark_copies(session, rows))


def assign_copies(
    in_order: Sequence[ItemRow], accounts: dict[str, Account], *, near: Near | None = None
) -> tuple[dict[str, str], dict[str, Account]]:
    """Return the copies among items, as ``mark_copies``, and the texts with another account.

    Pure but for ``accounts``, which it keeps up to date, and for what ``near`` does.

    Args:
        in_order: By event time, as they came in one batch.
        accounts: For the hash of each text its account; for a text that is new the item itself.
        near: As in ``mark_copies``.

    Returns:
        The id of each copy with that of its account, and for hashes the account that replaces
        the one in ``accounts``.
    """
    copies: dict[str, str] = {}
    renewed: dict[str, Account] = {}
    for row in in_order:
        item_id, seen_at = accounts[row.text_hash]
        if item_id != row.id and abs(row.published_at - seen_at) < COPY_WINDOW:
            copies[row.id] = item_id
            continue
        found = near(row) if near else None
        if found:
            copies[row.id] = found[0]
        if item_id == row.id and found is None:
            continue
        if item_id == row.id or row.published_at > seen_at:
            renewed[row.text_hash] = found or (row.id, row.published_at)
            accounts[row.text_hash] = renewed[row.text_hash]
    return copies, renewed


def _text(text_hash: str, account: Account) -> dict[str, object]:
    return {"text_hash": text_hash, "item_id": account[0], "seen_at": account[1]}
