"""Is it improbable that a source is silent for so long, by its own habit?

A source writes by the hour of the week, and in bursts. So time is measured in what the source
would have said: the expected number of five-minute slots with an item, by its own profile of the
week. On that clock past gaps are alike, whether by day or by night, and the tail of the source's
own gaps tells how often one as long as the present comes. Sources with a habit of their own are
judged by it; those with too little history are not judged.

Reference:
    The tail is the exponential case of peaks over a threshold: J. Pickands (1975), Annals of
    Statistics 3(1), 119-131.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

SLOT = timedelta(minutes=5)
# What a source does is looked for in so much of the past.
HISTORY = timedelta(weeks=4)

_HOUR_S = 3600
_WEEK_HOURS = 168
# How many weeks of the source's mean an hour of the week brings to its own count. More would let
# nights and weekends weigh.
_PRIOR_WEEKS = 0.1
# An hour in which a source never spoke: not nothing, or a first item there would be no news.
_LEAST_RATE = 1e-3
_TAIL_SHARE = 0.1
# The longest tenth of gaps of a source on a timer are all alike; leave them some room.
_LEAST_SPREAD = 0.5

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """When a source counts as silent.

    Attributes:
        once_in: By its own habit, such a gap comes less than once in this time. With hundreds of
            sources, one of them is told of by chance every few days.
        min_gap: No shorter gap is a silence.
        min_gaps: Sources with fewer gaps in their history are not judged ...
        min_history: ... nor those that were heard first more lately.
        again_within: After a silence that ended so lately ...
        again_factor: ... the next one has to be so many times as improbable: a source that comes
            and goes is told of once.
    """

    once_in: timedelta = timedelta(days=5 * 365)
    min_gap: timedelta = timedelta(minutes=30)
    min_gaps: int = 20
    min_history: timedelta = timedelta(weeks=1)
    again_within: timedelta = timedelta(days=1)
    again_factor: float = 100.0


@dataclass(frozen=True, slots=True)
class Silence:
    """A gap that a source's own habit makes improbable.

    Attributes:
        since: Start of the last slot with an item.
        usual_gap: Median of its past gaps.
        expected: Slots with an item that it would have had since, by its profile.
        once_in: By its habit, such a gap comes once in this time.
    """

    since: datetime
    usual_gap: timedelta
    expected: float
    once_in: timedelta


def find_silence(
    slots: Sequence[datetime],
    *,
    now: datetime,
    last_ended: datetime | None = None,
    rule: SilenceRule = SilenceRule(),  # frozen
) -> Silence | None:
    """Tell whether a source is silent beyond its habit.

    Args:
        slots: Starts of the five-minute slots of event time in which it had an item, distinct and
            in order, those of ``HISTORY`` before ``now``.
        now: Event time up to which every item is known.
        last_ended: When its last silence ended.
        rule: How improbable is improbable.

    Returns:
        The silence; None if there is none, or too little history to tell.
    """
    if len(slots) <= rule.min_gaps or slots[-1] - slots[0] < rule.min_history:
        return None
    if now - slots[-1] < rule.min_gap:
        return None
    times = np.array([slot.timestamp() for slot in slots])
    clock = _Clock(times)
    gaps = np.diff(clock.read(times))
    present = float(clock.read(np.array([now.timestamp()]))[0] - clock.read(times[-1:])[0])
    once_in = _once_in(present, gaps, span=slots[-1] - slots[0])
    lately = last_ended is not None and now - last_ended < rule.again_within
    if once_in < rule.once_in * (rule.again_factor if lately else 1.0):
        return None
    return Silence(
        since=slots[-1],
        usual_gap=timedelta(seconds=float(np.median(np.diff(times)))),
        expected=round(present, 1),
        once_in=once_in,
    )


class _Clock:
    """Reads a time as the slots with an item that a source would have had until then."""

    def __init__(self, times: _Floats) -> None:
        first = times[0] // _HOUR_S
        hours = np.arange(first, times[-1] // _HOUR_S + 1)
        of_week = (hours % _WEEK_HOURS).astype(int)
        weeks = np.bincount(of_week, minlength=_WEEK_HOURS)
        counts = np.bincount(((times // _HOUR_S) % _WEEK_HOURS).astype(int), minlength=_WEEK_HOURS)
        mean = len(times) / len(hours)
        rates = (counts + _PRIOR_WEEKS * mean) / (weeks + _PRIOR_WEEKS)
        self._rates = np.maximum(rates, _LEAST_RATE)
        self._first = first

    def read(self, times: _Floats) -> _Floats:
        """Return the expected slots from the first hour of the history to each time."""
        hours = np.arange(self._first, times[-1] // _HOUR_S + 2)
        rates = self._rates[(hours % _WEEK_HOURS).astype(int)]
        upto = np.concatenate([[0.0], np.cumsum(rates)[:-1]])
        read: _Floats = np.interp(times / _HOUR_S, hours, upto)
        return read


def _once_in(present: float, gaps: _Floats, *, span: timedelta) -> timedelta:
    """Return how often a gap as long as the present comes, at most a thousand years."""
    start = float(np.quantile(gaps, 1 - _TAIL_SHARE))
    if present <= start:
        return timedelta(0)
    tail = gaps[gaps > start] - start
    spread = max(float(np.mean(tail)) if len(tail) else 0.0, _LEAST_SPREAD)
    often = max(len(tail), 1) * np.exp(-(present - start) / spread)
    most = timedelta(days=365_000)
    return most if often * (most / span) < 1 else span / often
