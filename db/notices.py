"""Put events into the outbox that are about no alert; db.alerts does it for alerts."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.delivery_rows import NoticeRow
from db.delivery_tables import outbox, subscriptions
from db.engine import Session


def save_notice(session: Session, notice: NoticeRow, *, to: Sequence[UUID]) -> list[str]:
    """Store a delivery of a notice to each of these subscriptions; does not commit.

    Idempotent on the notice's key and the subscription.

    Returns:
        The webhook-ids of the deliveries that are new.
    """
    rows = [
        {
            "id": f"msg_{uuid5(subscription_id, notice.key).hex}",
            "subscription_id": subscription_id,
            "subject": notice.subject,
            "type": notice.type,
            "body": notice.body,
        }
        for subscription_id in to
    ]
    if not rows:
        return []
    insertion = insert(outbox).values(rows).on_conflict_do_nothing(index_elements=["id"])
    return list(session.execute(insertion.returning(outbox.c.id)).scalars())


def told_of_operations(session: Session, *, but: UUID | None = None) -> list[UUID]:
    """Return the enabled subscriptions that are told of the watch itself, without one of them.

    None of them can be deleted before the transaction ends.
    """
    query = sa.select(subscriptions.c.id).where(
        subscriptions.c.operations,
        subscriptions.c.disabled_reason.is_(None),
        ~subscriptions.c.paused,
    )
    if but is not None:
        query = query.where(subscriptions.c.id != but)
    return list(session.execute(query.with_for_update(read=True, key_share=True)).scalars())
