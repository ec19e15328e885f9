"""When an alert may go out to a subscription: its quiet hours and its digests."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from db.delivery_rows import SubscriptionRow


def release_at(subscription: SubscriptionRow, *, severity: str, now: datetime) -> datetime | None:
    """Return when an alert that is told now goes out, as a part of a digest.

    Args:
        subscription: Whose quiet hours and digests.
        severity: Of the alert.
        now: Wall-clock time, aware.

    Returns:
        A later time, in UTC; None: at once, by itself.
    """
    if severity == "critical" and subscription.critical_passes:
        return None
    zone = ZoneInfo(subscription.time_zone)
    at = now
    if subscription.digest_at:
        at = min(_next(clock, zone, after=now) for clock in subscription.digest_at)
    start, end = subscription.quiet_start, subscription.quiet_end
    if start is not None and end is not None and _between(start, end, at.astimezone(zone).time()):
        at = _next(end, zone, after=at)
    return at if at > now else None


def _between(start: time, end: time, clock: time) -> bool:
    """Tell whether a clock is in ``[start, end)``, which may go over midnight."""
    if start < end:
        return start <= clock < end
    return clock >= start or clock < end


def _next(clock: time, zone: ZoneInfo, *, after: datetime) -> datetime:
    """Return the next moment at which clocks in a zone show a time."""
    today = after.astimezone(zone).date()
    moments = []
    for days in range(3):
        local = datetime.combine(today + timedelta(days=days), clock, zone)
        first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        # Where clocks are put back they show it twice; where they are put forward, not at all.
        moments += [first, second] if second > first else [first]
    return min(moment for moment in moments if moment > after).astimezone(after.tzinfo)
