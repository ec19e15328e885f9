"""Who gets which alerts by webhook; what becomes of endpoints is in db.endpoints.

Whoever calls encrypts and decrypts the secrets.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from db.delivery_rows import SubscriptionRow, TargetKind
from db.delivery_tables import subscriptions
from db.engine import Session

_COLUMNS = tuple(SubscriptionRow.__dataclass_fields__)


def create_subscription(session: Session, row: SubscriptionRow) -> None:
    """Add a subscription; does not commit. It gets the events saved from now on."""
    session.execute(
        sa.insert(subscriptions).values({name: _plain(getattr(row, name)) for name in _COLUMNS})
    )


def list_subscriptions(session: Session) -> list[SubscriptionRow]:
    """Return all subscriptions, disabled ones included, oldest first."""
    query = sa.select(subscriptions).order_by(subscriptions.c.created_at, subscriptions.c.id)
    return [to_subscription(row) for row in session.execute(query)]


def subscriptions_page(
    session: Session, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, SubscriptionRow]]:
    """Return subscriptions with when each was made, oldest first.

    Args:
        session: An open session.
        after: When the last one of the page before was made, and its id.
        limit: Most to return.

    Returns:
        The subscriptions, disabled ones included.
    """
    created_at, key = subscriptions.c.created_at, subscriptions.c.id
    query = sa.select(subscriptions).order_by(created_at, key).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(created_at, key) > after)
    return [(row.created_at, to_subscription(row)) for row in session.execute(query)]


def find_subscription(session: Session, subscription_id: UUID) -> SubscriptionRow | None:
    """Return one subscription; None if there is none with that id."""
    query = sa.select(subscriptions).where(subscriptions.c.id == subscription_id)
    row = session.execute(query).first()
    return None if row is None else to_subscription(row)


def pause_subscription(session: Session, subscription_id: UUID) -> bool:
    """Hold back what waits for a subscription, and keep no new alert for it; does not commit.

    ``db.endpoints.resume`` ends that. Returns False if there is no such subscription.
    """
    query = sa.update(subscriptions).where(subscriptions.c.id == subscription_id)
    paused = query.values(paused=True).returning(subscriptions.c.id)
    return session.execute(paused).first() is not None


def delete_subscription(session: Session, subscription_id: UUID) -> bool:
    """Remove a subscription with its deliveries and attempts; False if there was none."""
    query = sa.delete(subscriptions).where(subscriptions.c.id == subscription_id)
    return session.execute(query.returning(subscriptions.c.id)).first() is not None


def to_subscription(row: Any) -> SubscriptionRow:  # noqa: ANN401  # a row of any query that has the columns
    """Return the subscription in a row that holds its columns by name."""
    columns = {name: _frozen(getattr(row, name)) for name in _COLUMNS}
    return SubscriptionRow(**columns | {"kind": TargetKind(row.kind)})


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: object) -> Any:  # noqa: ANN401  # as the column has it
    return tuple(value) if isinstance(value, list) else value
