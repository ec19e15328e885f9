"""What became of deliveries, and sending one again; db.outbox moves them on."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from db.alert_tables import alert_events
from db.delivery_rows import AttemptRow, DeliveryStateRow
from db.delivery_tables import delivery_attempts, outbox, subscriptions
from db.engine import Session

_QUERY = sa.select(
    outbox.c.position,
    outbox.c.id,
    outbox.c.subscription_id,
    outbox.c.alert_id,
    sa.func.coalesce(outbox.c.type, alert_events.c.type).label("type"),
    outbox.c.state,
    outbox.c.attempts,
    outbox.c.next_attempt_at,
).outerjoin(
    alert_events,
    sa.and_(
        alert_events.c.alert_id == outbox.c.alert_id, alert_events.c.revision == outbox.c.revision
    ),
)

_ATTEMPT = [delivery_attempts.c[name] for name in AttemptRow.__dataclass_fields__]


def list_deliveries(
    session: Session,
    *,
    subscription_id: UUID | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[DeliveryStateRow]:
    """Return deliveries, newest first.

    Args:
        session: An open session.
        subscription_id: Only those to this subscription.
        state: Only "pending", "held", "digested", "delivered" or "dead".
        before: Only those with a lower position: where the last page ended.
        limit: Most deliveries to return.

    Returns:
        The deliveries.
    """
    query = _QUERY.order_by(outbox.c.position.desc()).limit(limit)
    if subscription_id is not None:
        query = query.where(outbox.c.subscription_id == subscription_id)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if before is not None:
        query = query.where(outbox.c.position < before)
    return [DeliveryStateRow(*row) for row in session.execute(query)]


def find_delivery(session: Session, delivery_id: str) -> DeliveryStateRow | None:
    """Return one delivery, None if there is none."""
    row = session.execute(_QUERY.where(outbox.c.id == delivery_id)).first()
    return None if row is None else DeliveryStateRow(*row)


def last_attempts(session: Session, delivery_ids: Collection[str]) -> dict[str, AttemptRow]:
    """Return the last attempt at each of these deliveries that was tried, by its id."""
    query = sa.select(*_ATTEMPT).where(delivery_attempts.c.delivery_id.in_(delivery_ids))
    rows = session.execute(query.order_by(delivery_attempts.c.id))
    return {row.delivery_id: AttemptRow(*row) for row in rows}  # the last one of each stays


def newest_attempts(session: Session) -> dict[UUID, AttemptRow]:
    """Return the last attempt at the newest delivery that was tried, by its subscription."""
    newest = (
        sa.select(*_ATTEMPT)
        .join(outbox, outbox.c.id == delivery_attempts.c.delivery_id)
        .where(outbox.c.subscription_id == subscriptions.c.id)
        .order_by(outbox.c.position.desc(), delivery_attempts.c.id.desc())
        .limit(1)
        .lateral()
    )
    query = sa.select(subscriptions.c.id, newest).join(newest, sa.true())
    return {key: AttemptRow(*row) for key, *row in session.execute(query)}


def replay(session: Session, delivery_id: str) -> bool:
    """Send a delivery again, its schedule begun anew; does not commit.

    Its id stays, so that a receiver that had it can tell; so do the attempts recorded.

    Args:
        session: An open session.
        delivery_id: The webhook-id.

    Returns:
        False where nothing was changed: it is on its way, held or digested, unknown, or its
            subscription disabled.
    """
    return bool(
        _replay(session, outbox.c.id == delivery_id, outbox.c.state.in_(["dead", "delivered"]))
    )


def replay_range(
    session: Session,
    subscription_id: UUID,
    *,
    since: datetime,
    until: datetime,
    with_delivered: bool = False,
) -> int:
    """Send again what a subscription should have got in a time range; does not commit.

    Args:
        session: An open session.
        subscription_id: Whose.
        since: Wall-clock time at which the oldest of it was stored.
        until: What was stored then or later is left alone.
        with_delivered: Not only what died.

    Returns:
        How many deliveries begin anew; 0 if the subscription is disabled.
    """
    states = ["dead", "delivered"] if with_delivered else ["dead"]
    return _replay(
        session,
        outbox.c.subscription_id == subscription_id,
        outbox.c.created_at >= since,
        outbox.c.created_at < until,
        outbox.c.state.in_(states),
    )


def _replay(session: Session, *which: sa.ColumnElement[Any]) -> int:
    query = (
        sa.update(outbox)
        .where(
            *which,
            outbox.c.subscription_id == subscriptions.c.id,
            subscriptions.c.disabled_reason.is_(None),
        )
        .values(state="pending", attempts=0, next_attempt_at=None, leased_until=None)
    )
    return len(session.execute(query.returning(outbox.c.id)).all())
