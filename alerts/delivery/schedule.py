"""When a delivery is tried again; how it is sent lives in ``webhook``."""

from datetime import datetime, timedelta

# Standard Webhooks' example schedule: the first retries ride over a restart of the endpoint,
# the later ones over a weekend. In all a little more than three days.
DELAYS = (
    timedelta(seconds=0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Spreads the retries of endpoints that went away together; small, so that the order stays.
JITTER_SHARE = 0.2
# No endpoint can postpone its events by more: the outbox has to empty.
MAX_RETRY_AFTER = timedelta(hours=24)
# Longer than the schedule, and than a weekend with a holiday at each end.
DISABLE_AFTER = timedelta(days=5)


def next_attempt_at(
    attempts: int,
    *,
    now: datetime,
    retry_after: timedelta | None = None,
    jitter: float = 0.0,
) -> datetime | None:
    """Decide when to try next.

    Args:
        attempts: How many were made, >= 0, the one that just failed included.
        now: The time of the last attempt, or of the event before the first.
        retry_after: What the endpoint asked for; never shortens a delay.
        jitter: A random number in [0, 1].

    Returns:
        The time, or None when the schedule is used up.

    Raises:
        ValueError: If ``attempts`` is negative or ``jitter`` outside [0, 1].
    """
    if attempts < 0 or not 0 <= jitter <= 1:
        msg = f"attempts must be >= 0 and jitter in [0, 1], got {attempts} and {jitter}"
        raise ValueError(msg)
    if attempts >= len(DELAYS):
        return None
    delay = DELAYS[attempts] * (1 + JITTER_SHARE * jitter)
    if retry_after is not None:
        delay = max(delay, min(retry_after, MAX_RETRY_AFTER))
    return now + delay


def is_lost(*, failing_since: datetime, now: datetime) -> bool:
    """Tell whether an endpoint has failed for so long that it is to be disabled.

    To be asked when a delivery has used up its schedule: so a single failure, long ago and never
    followed by another event, disables nothing.

    Args:
        failing_since: The first failure since the last success.
        now: The time of the failure that ended the schedule.

    Returns:
        True after ``DISABLE_AFTER``.
    """
    return now - failing_since >= DISABLE_AFTER
