"""Who gets which alerts by webhook; what becomes of endpoints is in db.endpoints.

Whoever calls encrypts and decrypts the secrets.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from db.delivery_tables import subscriptions
from db.engine import Session
from db.rows import AlertRow, ScopeKind, SubscriptionRow


def create_subscription(session: Session, row: SubscriptionRow) -> None:
    """Add a subscription; does not commit. It gets the events saved from now on."""
    session.execute(
        sa.insert(subscriptions).values(
            id=row.id,
            url=row.url,
            secret=row.secret,
            description=row.description,
            entities=list(row.entities),
            topics=list(row.topics),
            severities=list(row.severities),
            operations=row.operations,
            disabled_reason=row.disabled_reason,
        )
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


def delete_subscription(session: Session, subscription_id: UUID) -> bool:
    """Remove a subscription with its deliveries and attempts; False if there was none."""
    query = sa.delete(subscriptions).where(subscriptions.c.id == subscription_id)
    return session.execute(query.returning(subscriptions.c.id)).first() is not None


def wants(subscription: SubscriptionRow, alert: AlertRow) -> bool:
    """Tell whether an alert passes the filters of a subscription that is not disabled.

    Entities and topics together name the wanted scopes: with either given, an alert must be
    about one of them; with neither, all pass. Severities narrow that further.
    """
    if subscription.disabled_reason is not None:
        return False
    if subscription.severities and alert.severity not in subscription.severities:
        return False
    if not subscription.entities and not subscription.topics:
        return True
    named = {ScopeKind.ENTITY: subscription.entities, ScopeKind.TOPIC: subscription.topics}
    return alert.scope.id in named.get(alert.scope.kind, ())


def to_subscription(row: Any) -> SubscriptionRow:  # noqa: ANN401  # a row of any query that has the columns
    """Return the subscription in a row that holds its columns by name."""
    return SubscriptionRow(
        id=row.id,
        url=row.url,
        secret=bytes(row.secret),
        description=row.description,
        entities=tuple(row.entities),
        topics=tuple(row.topics),
        severities=tuple(row.severities),
        operations=row.operations,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
    )
