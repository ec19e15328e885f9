"""Who gets which alerts by webhook. Whoever calls encrypts and decrypts the secrets."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from db.alert_tables import outbox, subscriptions
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
            disabled_reason=row.disabled_reason,
        )
    )


def list_subscriptions(session: Session) -> list[SubscriptionRow]:
    """Return all subscriptions, disabled ones included, oldest first."""
    query = sa.select(subscriptions).order_by(subscriptions.c.created_at, subscriptions.c.id)
    return [to_subscription(row) for row in session.execute(query)]


def rotate_secret(
    session: Session, subscription_id: UUID, secret: bytes, *, old_until: datetime
) -> bool:
    """Give a subscription a new secret; does not commit.

    Args:
        session: An open session.
        subscription_id: Whose.
        secret: The new one, encrypted.
        old_until: Wall-clock time until which the one it replaces signs as well.

    Returns:
        False if there is no such subscription.
    """
    query = (
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id)
        .values(secret=secret, old_secret=subscriptions.c.secret, old_secret_until=old_until)
    )
    return session.execute(query.returning(subscriptions.c.id)).first() is not None


def delete_subscription(session: Session, subscription_id: UUID) -> bool:
    """Remove a subscription with its deliveries and attempts; False if there was none."""
    query = sa.delete(subscriptions).where(subscriptions.c.id == subscription_id)
    return session.execute(query.returning(subscriptions.c.id)).first() is not None


def disable_subscription(session: Session, subscription_id: UUID, reason: str) -> None:
    """Stop sending to a subscription: what waits for it is dead; does not commit.

    Disabling it again keeps the first reason.
    """
    session.execute(
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id, subscriptions.c.disabled_reason.is_(None))
        .values(disabled_reason=reason)
    )
    session.execute(
        sa.update(outbox)
        .where(outbox.c.subscription_id == subscription_id, outbox.c.state == "pending")
        .values(state="dead", leased_until=None)
    )


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
        disabled_reason=row.disabled_reason,
        old_secret=None if row.old_secret is None else bytes(row.old_secret),
        old_secret_until=row.old_secret_until,
    )
