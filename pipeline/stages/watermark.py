"""How far event time is complete: a pure function of what is stored and what waits.

The two snapshots are taken elsewhere, in this order: progress from the database, then the
broker's end offsets. What was produced in between counts as waiting, so the watermark can
only be too early, never too late.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from db.rows import Progress

# A stream whose newest item is older is an archive, or was given up.
LIVE = timedelta(days=2)


def is_lagging(partition: int, progress: Mapping[int, Progress], end_offset: int) -> bool:
    """Tell whether a partition holds messages that are not stored yet."""
    stored = progress[partition].next_offset if partition in progress else 0
    return stored < end_offset


def watermark(
    progress: Mapping[int, Progress],
    end_offsets: Mapping[int, int],
    *,
    lateness: timedelta,
    idle: bool,
) -> datetime | None:
    """Return the event time up to which every item is taken to be stored.

    While something waits, the slowest waiting partition decides; partitions with nothing to
    do hold nobody up. When nothing waits, the newest stored item decides, so that a stream
    that has ended is evaluated to its end.

    Args:
        progress: How far each partition is stored; read before ``end_offsets``.
        end_offsets: The offset after the last message of each partition; where it is stored
            if no message is left to be read.
        lateness: How far behind its neighbours an item may come. Not subtracted once the
            stream is idle: then nobody is left who could be late.
        idle: Whether the end offsets stood still since the last look. Without lag alone an
            item could still sit in its producer's buffer.

    Returns:
        None while nothing is stored, or a waiting partition has not stored its first item.
    """
    waiting = [p for p, end in end_offsets.items() if is_lagging(p, progress, end)]
    if waiting:
        times = [progress[p].event_at if p in progress else None for p in waiting]
        known = [at for at in times if at is not None]
        return min(known) - lateness if len(known) == len(waiting) else None
    newest = max((p.event_at for p in progress.values() if p.event_at is not None), default=None)
    if newest is None or idle:
        return newest
    return newest - lateness


def heard_until(
    progress: Mapping[int, Progress],
    end_offsets: Mapping[int, int],
    *,
    lateness: timedelta,
    now: datetime,
) -> datetime | None:
    """Return the event time up to which every source was listened to.

    On a live stream that is the wall clock, less the lateness, even while nothing comes at all;
    while messages wait it is the watermark. The replay of an archive ends with its last item.

    Args:
        progress: How far each partition is stored; read before ``end_offsets``.
        end_offsets: The offset after the last message of each partition; where it is stored
            if no message is left to be read.
        lateness: How late an item may come.
        now: The wall clock's time.

    Returns:
        Not after ``now``: an item dated ahead says nothing of its time. None while nothing is
        stored, or a waiting partition has not stored its first item.
    """
    newest = max((p.event_at for p in progress.values() if p.event_at is not None), default=None)
    if newest is None:
        return None
    if any(is_lagging(partition, progress, end) for partition, end in end_offsets.items()):
        told = watermark(progress, end_offsets, lateness=lateness, idle=False)
        return None if told is None else min(told, now)
    is_live = now - newest < LIVE
    return min(max(newest, now - lateness), now) if is_live else newest
