"""What is held back for a digest, and putting the digest, or a later event, in its place.

Whoever locks several held rows does so in the order of subscription and position.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from db.alert_tables import alert_events
from db.delivery_rows import NoticeRow
from db.delivery_tables import outbox, subscriptions
from db.engine import Session
from db.notices import save_notice


@dataclass(frozen=True, slots=True)
class HeldRow:
    """An event of an alert that is held back for a digest; ``created_at`` is wall-clock time."""

    id: str
    subscription_id: UUID
    created_at: datetime
    body: str


DIGEST = "alert.digest"
"""The type of a digest."""

_IN_ORDER = (outbox.c.subscription_id, outbox.c.position)


def digest_subject(subscription_id: UUID) -> str:
    """Return under what the digests of a subscription go out in order."""
    return f"{DIGEST}/{subscription_id}"


def released(session: Session, *, now: datetime, limit: int) -> list[HeldRow]:
    """Return what is to go out in digests by now, by subscription and in order; does not commit.

    Until the transaction ends nobody can delete the subscriptions, or move the rows.

    Args:
        session: An open session that holds the lock of whoever makes digests.
        now: Wall-clock time.
        limit: Most rows; the rest makes a digest of its own.

    Returns:
        What is held for subscriptions that are neither paused nor disabled.
    """
    due = sa.and_(outbox.c.state == "held", outbox.c.next_attempt_at <= now)
    receivers = _lock_receivers(session, due)
    event = sa.and_(
        alert_events.c.alert_id == outbox.c.alert_id, alert_events.c.revision == outbox.c.revision
    )
    query = (
        sa.select(outbox.c.id, outbox.c.subscription_id, outbox.c.created_at, alert_events.c.body)
        .join(alert_events, event)
        .where(due, outbox.c.subscription_id.in_(receivers))
        .order_by(*_IN_ORDER)
        .limit(limit)
        .with_for_update(of=outbox)
    )
    rows = [HeldRow(*row) for row in session.execute(query)]
    alone = _send_alone(session, rows)
    return [row for row in rows if row.id not in alone]


def _lock_receivers(session: Session, due: sa.ColumnElement[bool]) -> list[UUID]:
    """Return who gets a digest; none of them can be deleted before the transaction ends."""
    query = sa.select(subscriptions.c.id).where(
        sa.exists().where(due, outbox.c.subscription_id == subscriptions.c.id),
        ~subscriptions.c.paused,
        subscriptions.c.disabled_reason.is_(None),
    )
    locked = query.order_by(subscriptions.c.id).with_for_update(read=True, key_share=True)
    return list(session.execute(locked).scalars())


def _send_alone(session: Session, rows: Sequence[HeldRow]) -> set[str]:
    """Let those go out by themselves whose alert has an earlier event still on its way.

    A digest would be ahead of that event; it cannot wait either, for it tells of other alerts too.
    """
    earlier = outbox.alias()
    query = (
        sa.update(outbox)
        .where(
            outbox.c.id.in_([row.id for row in rows]),
            sa.exists().where(
                earlier.c.subscription_id == outbox.c.subscription_id,
                earlier.c.subject == outbox.c.subject,
                earlier.c.position < outbox.c.position,
                earlier.c.state == "pending",
            ),
        )
        .values(state="pending", next_attempt_at=None)
    )
    return set(session.execute(query.returning(outbox.c.id)).scalars()) if rows else set()


def save_digest(session: Session, notice: NoticeRow, held: Sequence[HeldRow]) -> None:
    """Store a digest in the place of what was held for one subscription; does not commit."""
    save_notice(session, notice, to=[held[0].subscription_id])
    session.execute(
        sa.update(outbox)
        .where(outbox.c.id.in_([row.id for row in held]))
        .values(state="digested", next_attempt_at=None)
    )


def lock_held(session: Session, alert_ids: Collection[UUID]) -> None:
    """Wait for digests that are being made of these alerts, and let none begin; does not commit.

    What is stored afterwards has a later position than such a digest.
    """
    held = sa.select(outbox.c.id).where(outbox.c.state == "held", outbox.c.alert_id.in_(alert_ids))
    session.execute(held.order_by(*_IN_ORDER).with_for_update()).all()


def drop_superseded(session: Session, alert_ids: Collection[UUID]) -> None:
    """Hold nothing back any more that a later event of its alert, which waits for no digest, tells.

    To be called in the transaction that stored that event, after ``lock_held``.
    """
    later = outbox.alias()
    session.execute(
        sa.update(outbox)
        .where(
            outbox.c.state == "held",
            outbox.c.alert_id.in_(alert_ids),
            sa.exists().where(
                later.c.subscription_id == outbox.c.subscription_id,
                later.c.alert_id == outbox.c.alert_id,
                later.c.revision > outbox.c.revision,
                later.c.state == "pending",
            ),
        )
        .values(state="digested", next_attempt_at=None)
    )
