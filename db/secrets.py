"""The signing secrets of a subscription: the present one and those that it replaced."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from db.delivery_rows import TargetKind
from db.delivery_tables import old_secrets, subscriptions
from db.engine import Session

# Each of them signs every message, in one header.
MAX_OLD_SECRETS = 4


class TooManySecrets(Exception):
    """So many secrets sign already that one of them would have to end before its time."""


def rotate_secret(
    session: Session, subscription_id: UUID, secret: bytes, *, now: datetime, old_until: datetime
) -> bool:
    """Give a subscription a new secret; does not commit.

    Those that were replaced before sign until their own end, unless the present one ends at
    once: then something leaked, and none of them signs any more.

    Args:
        session: An open session.
        subscription_id: Whose.
        secret: The new one, encrypted.
        now: Wall-clock time.
        old_until: Wall-clock time until which the one it replaces signs as well.

    Returns:
        False if there is no such subscription, or it is no webhook.

    Raises:
        TooManySecrets: If ``MAX_OLD_SECRETS`` sign beside the present one.
    """
    mine = sa.and_(
        subscriptions.c.id == subscription_id, subscriptions.c.kind == TargetKind.WEBHOOK
    )
    query = sa.select(subscriptions.c.secret).where(mine).with_for_update()
    replaced = session.execute(query).scalar()
    if replaced is None:
        return False
    leaked = old_until <= now
    of_mine = old_secrets.c.subscription_id == subscription_id
    ended = sa.true() if leaked else old_secrets.c.until <= now
    session.execute(sa.delete(old_secrets).where(of_mine, ended))
    if not leaked:
        signing = session.execute(sa.select(sa.func.count()).where(of_mine)).scalar_one()
        if signing >= MAX_OLD_SECRETS:
            raise TooManySecrets
        session.execute(
            sa.insert(old_secrets).values(
                subscription_id=subscription_id, secret=replaced, until=old_until
            )
        )
    session.execute(sa.update(subscriptions).where(mine).values(secret=secret))
    return True
