"""What an attempt means: for its delivery, for its endpoint, and for who is told of that.

When to try again, and when an endpoint is lost, is decided in ``alerts.delivery.schedule``.
"""

from dataclasses import dataclass
from datetime import datetime

from alerts.delivery.schedule import MAX_RETRY_AFTER, is_lost
from alerts.delivery.urls import redacted
from alerts.delivery.webhook import Attempt, Outcome
from alerts.notices import (
    DeadDelivery,
    DeliveryDead,
    DisabledEndpoint,
    EndpointDisabled,
    Notice,
    SubscriptionTest,
    notice_body,
)
from db.delivery_rows import DeliveryRow, NoticeRow
from db.endpoints import disable, note_failure, note_success
from db.engine import Session
from db.notices import save_notice, told_of_operations
from db.outbox import record_attempt

_GONE = "the endpoint answered 410 Gone"
_LOST = "nothing has reached the endpoint for five days"
# Nobody is told that these died: two receivers that are both away would tell of each other.
_UNTOLD = {
    kind.model_fields["type"].default for kind in (EndpointDisabled, DeliveryDead, SubscriptionTest)
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt.

    Attributes:
        outcome: ``DEAD`` where the schedule has no next attempt.
        disabled: Why the endpoint was disabled by it; None: it was not.
    """

    outcome: Outcome
    disabled: str | None = None


def settle(
    session: Session,
    row: DeliveryRow,
    attempt: Attempt,
    *,
    at: datetime,
    retry_at: datetime | None,
) -> Settled:
    """Record an attempt with all that follows from it; does not commit.

    Args:
        session: An open transaction.
        row: The delivery that was tried.
        attempt: What came of it.
        at: When it ended, by the wall clock.
        retry_at: The next attempt of a failed one; None: there is none left.

    Returns:
        What became of it.
    """
    outcome = attempt.outcome
    if outcome is Outcome.FAILED and retry_at is None:
        outcome = Outcome.DEAD
    failing_since = _note(session, row, attempt, at)
    reason = _disabled_by(outcome, failing_since, at)
    lost = None if reason is None else disable(session, row.subscription.id, reason)
    record_attempt(
        session,
        row.id,
        at=at,
        outcome=outcome.value,
        status=attempt.status,
        detail=attempt.detail,
        duration_ms=attempt.duration_ms,
        next_attempt_at=retry_at,
    )
    if reason is not None and lost is not None:
        _tell(session, row, _disabled_notice(row, reason, failing_since, at, lost))
        return Settled(outcome, reason)
    if outcome is Outcome.DEAD and row.type not in _UNTOLD:
        _tell(session, row, _dead_notice(row, attempt, at))
    return Settled(outcome)


def _note(session: Session, row: DeliveryRow, attempt: Attempt, at: datetime) -> datetime:
    """Note how the endpoint fares; return since when it fails, ``at`` if it does not."""
    if attempt.outcome is Outcome.DELIVERED:
        note_success(session, row.subscription.id)
        return at
    asked = attempt.retry_after
    wait_until = None if asked is None else at + min(asked, MAX_RETRY_AFTER)
    return note_failure(session, row.subscription.id, at=at, wait_until=wait_until)


def _disabled_by(outcome: Outcome, failing_since: datetime, at: datetime) -> str | None:
    if outcome is Outcome.GONE:
        return _GONE
    if outcome is Outcome.DEAD and is_lost(failing_since=failing_since, now=at):
        return _LOST
    return None


def _tell(session: Session, row: DeliveryRow, notice: Notice) -> None:
    receivers = told_of_operations(session, but=row.subscription.id)
    save_notice(
        session,
        NoticeRow(
            key=f"{notice.type}/{row.id}/{notice.timestamp.isoformat()}",
            subject=str(row.subscription.id),
            type=notice.type,
            body=notice_body(notice),
        ),
        to=receivers,
    )


def _disabled_notice(
    row: DeliveryRow, reason: str, failing_since: datetime, at: datetime, dead: int
) -> Notice:
    return EndpointDisabled(
        timestamp=at,
        data=DisabledEndpoint(
            subscription_id=row.subscription.id,
            endpoint=redacted(row.subscription.url),
            description=row.subscription.description,
            reason=reason,
            failing_since=None if failing_since == at else failing_since,
            dead=dead,
        ),
    )


def _dead_notice(row: DeliveryRow, attempt: Attempt, at: datetime) -> Notice:
    return DeliveryDead(
        timestamp=at,
        data=DeadDelivery(
            subscription_id=row.subscription.id,
            endpoint=redacted(row.subscription.url),
            description=row.subscription.description,
            delivery_id=row.id,
            event_type=row.type,
            attempts=row.attempts + 1,
            status=attempt.status,
            detail=attempt.detail,
        ),
    )
