"""How the endpoint of a subscription fares: failing, told to wait, disabled, taken up again.

Times are wall-clock times. When an endpoint is to be disabled is decided elsewhere.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from db.delivery_tables import outbox, subscriptions
from db.engine import Session


def note_success(session: Session, subscription_id: UUID) -> None:
    """Note that something reached an endpoint; does not commit."""
    session.execute(
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id, subscriptions.c.failing_since.is_not(None))
        .values(failing_since=None, wait_until=None)
    )


def note_failure(
    session: Session, subscription_id: UUID, *, at: datetime, wait_until: datetime | None
) -> datetime:
    """Note that an attempt at an endpoint failed; does not commit.

    To be called before the attempt is recorded: whoever locks both a subscription and its
    deliveries locks the subscription first.

    Args:
        session: An open session.
        subscription_id: Whose endpoint.
        at: When.
        wait_until: Nothing is sent to it before; None leaves what was said earlier.

    Returns:
        Since when every attempt has failed; ``at`` if the subscription was deleted meanwhile.
    """
    table = subscriptions.c
    query = (
        sa.update(subscriptions)
        .where(table.id == subscription_id)
        .values(
            failing_since=sa.func.coalesce(table.failing_since, at),
            wait_until=sa.func.greatest(table.wait_until, wait_until),
        )
        .returning(table.failing_since)
    )
    return session.execute(query).scalar() or at


def disable(session: Session, subscription_id: UUID, reason: str) -> int | None:
    """Stop sending to a subscription: what waits for it is dead; does not commit.

    Returns:
        How many deliveries died of it; None if it was disabled before, or deleted.
    """
    disabled = (
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id, subscriptions.c.disabled_reason.is_(None))
        .values(disabled_reason=reason)
    )
    if session.execute(disabled.returning(subscriptions.c.id)).first() is None:
        return None
    return _give_up(session, subscription_id)


def _give_up(session: Session, subscription_id: UUID) -> int:
    """Let die what waits for a subscription; return how much that was."""
    # In the order of db.digests: who makes a digest locks some of these, too.
    waiting = (
        sa.select(outbox.c.id)
        .where(outbox.c.subscription_id == subscription_id, outbox.c.state.in_(["pending", "held"]))
        .order_by(outbox.c.position)
        .with_for_update()
    )
    dead = sa.update(outbox).where(outbox.c.id.in_(waiting.scalar_subquery()))
    dead = dead.values(state="dead", leased_until=None)
    return len(session.execute(dead.returning(outbox.c.id)).all())


def resume(session: Session, subscription_id: UUID) -> bool:
    """Send to a paused or disabled subscription again; False if there is none. Does not commit.

    What died stays dead; it can be replayed.
    """
    disabled = sa.select(subscriptions.c.id).where(
        subscriptions.c.id == subscription_id, subscriptions.c.disabled_reason.is_not(None)
    )
    if session.execute(disabled.with_for_update()).first() is not None:
        # What was on its way into the outbox while it was being disabled; the lock waits for that.
        _give_up(session, subscription_id)
    query = (
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id)
        .values(disabled_reason=None, failing_since=None, wait_until=None, paused=False)
    )
    return session.execute(query.returning(subscriptions.c.id)).first() is not None
