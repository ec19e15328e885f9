"""What was held back for a digest, and putting the digest in its place."""

from collections.abc import Sequence
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


def released(session: Session, *, now: datetime, limit: int) -> list[HeldRow]:
    """Return what is to go out in digests by now, by subscription and in order.

    Args:
        session: An open session that holds the lock of whoever makes digests.
        now: Wall-clock time.
        limit: Most rows; the rest makes a digest of its own.

    Returns:
        What is held for subscriptions that are neither paused nor disabled.
    """
    event = sa.and_(
        alert_events.c.alert_id == outbox.c.alert_id, alert_events.c.revision == outbox.c.revision
    )
    query = (
        sa.select(outbox.c.id, outbox.c.subscription_id, outbox.c.created_at, alert_events.c.body)
        .join(alert_events, event)
        .join(subscriptions, subscriptions.c.id == outbox.c.subscription_id)
        .where(
            outbox.c.state == "held",
            outbox.c.next_attempt_at <= now,
            ~subscriptions.c.paused,
            subscriptions.c.disabled_reason.is_(None),
        )
        .order_by(outbox.c.subscription_id, outbox.c.position)
        .limit(limit)
    )
    return [HeldRow(*row) for row in session.execute(query)]


def save_digest(session: Session, notice: NoticeRow, held: Sequence[HeldRow]) -> None:
    """Store a digest in the place of what was held for one subscription; does not commit."""
    save_notice(session, notice, to=[held[0].subscription_id])
    session.execute(
        sa.update(outbox)
        .where(outbox.c.id.in_([row.id for row in held]))
        .values(state="digested", next_attempt_at=None)
    )
