"""Prometheus metrics of the stream; the worker serves them where ``metrics_port`` says."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from prometheus_client import Counter, Histogram

from pipeline.messages import Reason

ITEMS = Counter("tapewatch_items_stored_total", "Items stored, redeliveries included.")
LATE_ITEMS = Counter(
    "tapewatch_items_late_total",
    "Items stored later than detection waits for, redeliveries included.",
    ["outcome"],
)
DEAD_LETTERS = Counter(
    "tapewatch_dead_letters_total", "Messages that could not be read or stored.", ["reason"]
)
# At 0 from the start: a series that begins with its first burst shows no increase.
for _reason in Reason:
    DEAD_LETTERS.labels(_reason.value)
UNLISTED_LEFT_OUT = Counter(
    "tapewatch_unlisted_left_out_total",
    "Companies that no list has, left out because too many new ones came.",
)
BATCH_SECONDS = Histogram(
    "tapewatch_batch_seconds",
    "From a batch's arrival to its confirmation.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class LateItems:
    """Counts what lies behind the newest event time that this process has stored.

    Args:
        lateness: Up to here detection waits.
        max_late: Up to here what is late still corrects alerts.
    """

    def __init__(self, *, lateness: timedelta, max_late: timedelta) -> None:
        self._lateness = lateness
        self._max_late = max_late
        self._newest: datetime | None = None

    def note(self, times: Iterable[datetime]) -> None:
        """Count the late ones of items with these event times, in the order in which they came."""
        for at in times:
            self._newest = newest = max(at, self._newest or at)
            if newest - at > self._lateness:
                too_late = newest - at > self._max_late
                LATE_ITEMS.labels("too_late" if too_late else "corrects").inc()
