"""The test button: a signed event that goes the way of every other one."""

from datetime import datetime
from uuid import UUID, uuid4

from alerts.notices import SubscriptionTest, Trial, notice_body
from db.delivery_rows import NoticeRow
from db.engine import Session
from db.notices import save_notice


def queue_trial(session: Session, subscription_id: UUID, *, now: datetime) -> str:
    """Put a test event for a subscription that exists into the outbox; does not commit.

    Args:
        session: An open session.
        subscription_id: Whose endpoint to try.
        now: The wall clock's time.

    Returns:
        The webhook-id, under which its attempts are recorded.
    """
    notice = SubscriptionTest(timestamp=now, data=Trial(subscription_id=subscription_id))
    key = str(uuid4())
    row = NoticeRow(key=key, subject=key, type=notice.type, body=notice_body(notice))
    [delivery_id] = save_notice(session, row, to=[subscription_id])
    return delivery_id
