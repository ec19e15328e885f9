"""Deliveries on their way out: claim, record, count. db.alerts and db.notices put them in.

Times here are wall-clock times, all of them given by the caller. When to try again is
decided elsewhere, as is what an attempt is.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from db.delivery_rows import AttemptRow, DeliveryRow
from db.delivery_tables import delivery_attempts, outbox
from db.digests import DIGEST
from db.engine import Session
from db.subscriptions import to_subscription

# The outer conditions are checked anew on the row that was locked, so two claimers that saw
# the same row waiting never both get it.
_CLAIM = sa.text("""
    WITH due AS (
        SELECT o.id FROM outbox AS o JOIN subscriptions AS s ON s.id = o.subscription_id
        WHERE o.state = 'pending'
            AND (o.next_attempt_at IS NULL OR o.next_attempt_at <= :now)
            AND (o.leased_until IS NULL OR o.leased_until <= :now OR o.leased_until > :beyond)
            AND (s.wait_until IS NULL OR s.wait_until <= :now)
            AND NOT s.paused
            AND s.disabled_reason IS NULL
            AND (s.failing_since IS NOT NULL) = :failing
            AND o.subscription_id <> ALL (CAST(:but AS uuid[]))
            AND NOT EXISTS (
                SELECT FROM outbox AS earlier
                WHERE earlier.subscription_id = o.subscription_id
                    AND earlier.subject = o.subject
                    AND earlier.position < o.position
                    AND earlier.state = 'pending')
            AND NOT EXISTS (
                SELECT FROM outbox AS digest
                WHERE digest.subscription_id = o.subscription_id
                    AND digest.subject = CAST(:digest AS text) || o.subscription_id
                    AND digest.position < o.position
                    AND digest.state = 'pending'
                    AND strpos(digest.body, CAST(o.alert_id AS text)) > 0)
        ORDER BY o.position LIMIT :limit FOR UPDATE OF o SKIP LOCKED),
    leased AS (
        UPDATE outbox AS o SET leased_until = :until FROM due WHERE o.id = due.id
        RETURNING o.*)
    SELECT leased.id AS delivery_id, coalesce(leased.type, event.type) AS type,
        coalesce(leased.body, event.body) AS body, leased.attempts, leased.subject, s.*,
        ARRAY(SELECT old.secret FROM old_secrets AS old
              WHERE old.subscription_id = s.id AND old.until > :now
              ORDER BY old.until DESC) AS old_secrets
    FROM leased
    LEFT JOIN alert_events AS event USING (alert_id, revision)
    JOIN subscriptions AS s ON s.id = leased.subscription_id
    ORDER BY leased.position
""")

_AFTER = {"delivered": "delivered", "gone": "dead", "dead": "dead", "failed": "pending"}


_RECORD = sa.text("""
    WITH known AS (SELECT id FROM outbox WHERE id = :delivery_id FOR UPDATE),
    tried AS (
        INSERT INTO delivery_attempts (delivery_id, at, outcome, status, detail, duration_ms)
        SELECT id, CAST(:at AS timestamptz), CAST(:outcome AS text), CAST(:status AS int),
            CAST(:detail AS text), CAST(:duration_ms AS int) FROM known)
    UPDATE outbox AS o
    SET attempts = o.attempts + 1, leased_until = NULL,
        next_attempt_at = CAST(:next_attempt_at AS timestamptz),
        state = CASE WHEN o.state = 'pending' THEN CAST(:state AS text) ELSE o.state END
    FROM known WHERE o.id = known.id
""")


def claim(
    session: Session,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    failing: bool = False,
    but: Sequence[UUID] = (),
) -> list[DeliveryRow]:
    """Lease deliveries that are due, oldest first; does not commit.

    Nobody else gets them until the lease ends or an attempt is recorded. Of one alert, a
    subscription gets each event only when the earlier ones, and the earlier digests that tell of
    it, are delivered or dead.

    Args:
        session: An open session.
        now: Wall-clock time.
        limit: Most deliveries.
        lease: How long they are kept from others.
        failing: Those to endpoints whose last attempt failed, instead of those to all others.
        but: Subscriptions to leave out.

    Returns:
        The deliveries.
    """
    # A lease of so long was given by a clock that was ahead, and would hold its row for as long.
    beyond = now + 2 * lease
    parameters: dict[str, object] = {"now": now, "until": now + lease, "beyond": beyond}
    parameters |= {"limit": limit, "failing": failing, "but": list(but), "digest": f"{DIGEST}/"}
    return [
        DeliveryRow(
            id=row.delivery_id,
            subscription=to_subscription(row),
            type=row.type,
            body=row.body,
            attempts=row.attempts,
            subject=row.subject,
            old_secrets=tuple(map(bytes, row.old_secrets)),
        )
        for row in session.execute(_CLAIM, parameters)
    ]


def give_back(session: Session, delivery_id: str, *, leased_until: datetime) -> None:
    """End a lease before its time, unless the delivery has another one by now; does not commit."""
    session.execute(
        sa.update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.leased_until == leased_until)
        .values(leased_until=None)
    )


def record_attempt(
    session: Session,
    delivery_id: str,
    *,
    at: datetime,
    outcome: str,
    status: int | None,
    detail: str | None,
    duration_ms: int,
    next_attempt_at: datetime | None,
) -> None:
    """Record one attempt, move the delivery on and end its lease; does not commit.

    A delivery that is delivered or dead already stays so; one that was deleted with its
    subscription meanwhile is passed over.

    Args:
        session: An open session.
        delivery_id: The delivery that was tried.
        at: When.
        outcome: "delivered", "failed", "gone" or "dead"; the last two end the delivery.
        status: HTTP status, None where there was no response.
        detail: What went wrong, for people.
        duration_ms: How long it took.
        next_attempt_at: When a failed one is due again; None ends it.
    """
    state = _AFTER[outcome]
    if state == "pending" and next_attempt_at is None:
        state = "dead"
    attempt = AttemptRow(delivery_id, at, outcome, status, detail, duration_ms)
    moved = {"next_attempt_at": next_attempt_at, "state": state}
    session.execute(_RECORD, asdict(attempt) | moved)


def pending(session: Session) -> int:
    """Return how many deliveries are neither delivered nor dead."""
    query = sa.select(sa.func.count()).where(outbox.c.state == "pending")
    return session.execute(query).scalar_one()


def attempts(session: Session, delivery_id: str) -> list[AttemptRow]:
    """Return the attempts of one delivery, oldest first."""
    columns = [delivery_attempts.c[name] for name in AttemptRow.__dataclass_fields__]
    query = sa.select(*columns).where(delivery_attempts.c.delivery_id == delivery_id)
    return [AttemptRow(*row) for row in session.execute(query.order_by(delivery_attempts.c.id))]
