"""Tell in one event what was held back for a subscription in its quiet hours or since the last.

When alerts are held back is decided in ``db.release``.
"""

from datetime import datetime
from itertools import groupby

from alerts.messages import AlertEvent
from alerts.notices import digest_body, digest_entry
from db.delivery_rows import NoticeRow
from db.digests import DIGEST, digest_subject, released, save_digest
from db.engine import Session
from db.locks import try_lock

_LOCK = "digest"
# In one transaction; whoever has more gets two digests.
_MAX_ROWS = 2000


def make_digests(session: Session, *, now: datetime) -> int:
    """Put a digest for each subscription whose time has come into the outbox; does not commit.

    Args:
        session: An open transaction.
        now: The wall clock's time.

    Returns:
        How many digests were made; 0 where another scheduler is at it.
    """
    if not try_lock(session, _LOCK):
        return 0
    count = 0
    rows = released(session, now=now, limit=_MAX_ROWS)
    for subscription_id, group in groupby(rows, key=lambda row: row.subscription_id):
        held = list(group)
        # The later event of an alert says all that the earlier ones did.
        last = {event.data.id: event for event in (_read(row.body) for row in held)}
        body = digest_body(
            [digest_entry(event) for event in last.values()],
            since=min(row.created_at for row in held),
            until=now,
        )
        notice = NoticeRow(
            key=f"{DIGEST}/{held[-1].id}",
            subject=digest_subject(subscription_id),
            type=DIGEST,
            body=body,
        )
        save_digest(session, notice, held)
        count += 1
    return count


def _read(body: str) -> AlertEvent:
    return AlertEvent.model_validate_json(body)
