"""One series prepared for detection: window counts and the baseline as of any moment.

What the numbers mean for an alert is decided in ``negative_spike``. Times are microseconds
since 1970 in UTC: exact, and fast to compare.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from alerts.profile import FLAT, Profile
from alerts.types import Hour, Mention

# What happened before counts for less than a sixteenth and is left out. The same bound for
# every caller keeps a reading independent of how much history it was handed.
HISTORY = timedelta(days=28)
# A new normal is half learnt in a week; tone moves more slowly and rests on fewer numbers.
_RATE_HALF_LIFE_H = 7 * 24
_SHARE_HALF_LIFE_H = 14 * 24
# What is believed of a company nobody has written about: a negative account every five days,
# a belief worth a day of watching. Three such accounts in 4 h are then beyond chance, and a
# day of a busy company's own news outweighs it.
_PRIOR_PER_H = 1 / 120
_PRIOR_H = 24.0
# Nobody is believed to be quieter than a negative account in twelve days: a month of silence says
# no more than that, or a company without any news would stand out further than one with a little.
_LEAST_PER_H = 1 / 288
# The same for accounts of any tone: where a quarter is negative.
_ACCOUNTS_FACTOR = 4.0
# How many accounts the parent's share is worth, as long as the series has few of its own.
_KAPPA = 30.0
# A share of exactly 0 or 1 would make a single account infinitely surprising.
_SHARE_BOUNDS = (0.02, 0.98)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000


def to_us(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return microseconds since 1970 as a time in UTC."""
    return _EPOCH + us * _MICROSECOND


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in one window.

    Attributes:
        items: Everything, copies included.
        accounts: Items that are no copies.
        negative: Negative accounts.
        outlet_hours: Negative accounts, a source counted once in each hour of the clock.
        sources: Distinct sources of the negative accounts.
        stories: Distinct stories that they tell.
        all_outlet_hours: As ``outlet_hours``, of all accounts.
        all_sources: As ``sources``, of all accounts.
    """

    items: int
    accounts: int
    negative: int
    outlet_hours: int
    sources: int
    stories: int
    all_outlet_hours: int
    all_sources: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the series' own past lets expect.

    Attributes:
        outlet_hours_per_h: As in ``Counts``, for one mean hour of the week.
        share: Negative share of the accounts, strictly between 0 and 1.
        accounts_per_h: All accounts in one mean hour of the week.
    """

    outlet_hours_per_h: float
    share: float
    accounts_per_h: float


class Series:
    """The mentions and hours of one series, indexed for readings at many moments."""

    def __init__(
        self,
        mentions: Sequence[Mention],
        hours: Sequence[Hour],
        *,
        archive_start: datetime,
        parent_share: float,
        longest_window: timedelta,
        profile: Profile = FLAT,
    ) -> None:
        self._longest_us = longest_window // _MICROSECOND
        self._profile = profile
        self.archive_start_us = to_us(archive_start)
        self._parent_share = parent_share
        self._items = sorted(to_us(mention.at) for mention in mentions)
        accounts = sorted((m for m in mentions if not m.is_copy), key=lambda m: m.at)
        self._accounts = [to_us(m.at) for m in accounts]
        self._any_same_source = _previous(m.source for m in accounts)
        self._any_same_outlet_hour = _previous(
            (m.source, at // HOUR_US) for at, m in zip(self._accounts, accounts, strict=True)
        )
        negative = [m for m in accounts if m.negative]
        self._negative = [to_us(m.at) for m in negative]
        self._same_source = _previous(m.source for m in negative)
        self._same_story = _previous(m.story for m in negative)
        self._same_outlet_hour = _previous(
            (m.source, at // HOUR_US) for at, m in zip(self._negative, negative, strict=True)
        )

        by_start = sorted(hours, key=lambda hour: hour.start)
        self._starts = [to_us(hour.start) for hour in by_start]
        self._hours = np.array(
            [
                (
                    h.negative if h.negative_sources is None else h.negative_sources,
                    h.negative,
                    h.accounts,
                )
                for h in by_start
            ],
            dtype=np.float64,
        ).reshape(-1, 3)
        self._baselines: dict[tuple[int, int], Baseline] = {}

    def next_account(self, after: int) -> int | None:
        """Return the time of the first account after a moment."""
        return _next(self._accounts, after)

    def next_negative(self, after: int) -> int | None:
        """Return the time of the first negative account after a moment."""
        return _next(self._negative, after)

    def counts(self, at: int, window: timedelta) -> Counts:
        """Count what is in ``(at - window, at]``."""
        after = at - window // _MICROSECOND
        start, end = self._inside(after, at)
        first, last = bisect_right(self._accounts, after), bisect_right(self._accounts, at)
        return Counts(
            items=_between(self._items, after, at),
            accounts=last - first,
            negative=end - start,
            # Distinct are those whose like is not in the window before them.
            outlet_hours=int(np.count_nonzero(self._same_outlet_hour[start:end] < start)),
            sources=int(np.count_nonzero(self._same_source[start:end] < start)),
            stories=int(np.count_nonzero(self._same_story[start:end] < start)),
            all_outlet_hours=int(np.count_nonzero(self._any_same_outlet_hour[first:last] < first)),
            all_sources=int(np.count_nonzero(self._any_same_source[first:last] < first)),
        )

    def expected(self, at: int, window: timedelta) -> float:
        """Return how many outlet-hours ``(at - window, at]`` lets expect; > 0."""
        return self.baseline(at).outlet_hours_per_h * self.worth_h(at, window)

    def worth_h(self, at: int, window: timedelta) -> float:
        """Return how many mean hours of the week ``(at - window, at]`` is worth; > 0."""
        return self._profile.between(at - window // _MICROSECOND, at)

    def baseline(self, at: int, *, days_ago: int = 0) -> Baseline:
        """Return the series' habit, from the whole hours before the longest window.

        Args:
            at: Microseconds since 1970.
            days_ago: The habit of so many days before it.
        """
        last = (at - self._longest_us) // HOUR_US * HOUR_US
        # However long ago, no more history is looked at than was read.
        span = last - HISTORY // _MICROSECOND, last - days_ago * 24 * HOUR_US
        if span not in self._baselines:
            self._baselines[span] = self._learn(*span)
        return self._baselines[span]

    def _learn(self, since: int, until: int) -> Baseline:
        first = bisect_left(self._starts, since)
        last = bisect_right(self._starts, until - HOUR_US)
        ages_h = (until - np.array(self._starts[first:last], dtype=np.int64)) / HOUR_US - 0.5
        outlet_hours, negative, accounts = self._hours[first:last].T
        exposure_h = self._exposure_h(max(since, self.archive_start_us), until)
        rate_weights = np.exp2(-ages_h / _RATE_HALF_LIFE_H)
        share_weights = np.exp2(-ages_h / _SHARE_HALF_LIFE_H)
        share = (float(share_weights @ negative) + _KAPPA * self._parent_share) / (
            float(share_weights @ accounts) + _KAPPA
        )
        rate = (_PRIOR_PER_H * _PRIOR_H + float(rate_weights @ outlet_hours)) / (
            _PRIOR_H + exposure_h
        )
        any_rate = (_ACCOUNTS_FACTOR * _PRIOR_PER_H * _PRIOR_H + float(rate_weights @ accounts)) / (
            _PRIOR_H + exposure_h
        )
        return Baseline(
            max(rate, _LEAST_PER_H),
            min(max(share, _SHARE_BOUNDS[0]), _SHARE_BOUNDS[1]),
            max(any_rate, _ACCOUNTS_FACTOR * _LEAST_PER_H),
        )

    def hourly(self, at: int, *, days: int) -> npt.NDArray[np.float64]:
        """Return the whole hours of the last days before a moment, oldest first.

        Args:
            at: Microseconds since 1970; the hour that it lies in is left out.
            days: How many.

        Returns:
            For each hour its negative outlet-hours, negative accounts, accounts, and what it is
            worth in mean hours; shape (24 * days, 4).
        """
        end = at // HOUR_US
        first = end - 24 * days
        found = np.zeros((24 * days, 4))
        found[:, 3] = self._profile.hourly(first, end)
        start, stop = (bisect_left(self._starts, hour * HOUR_US) for hour in (first, end))
        places = np.array(self._starts[start:stop], dtype=np.int64) // HOUR_US - first
        found[places, :3] = self._hours[start:stop]
        return found

    def _exposure_h(self, since: int, until: int) -> float:
        """Return the mean hours that were watched, each weighted as counts of its age are."""
        last = until // HOUR_US
        weights = self._profile.hourly(min(-(-since // HOUR_US), last), last)
        ages_h = len(weights) - np.arange(len(weights)) - 0.5
        return float(np.exp2(-ages_h / _RATE_HALF_LIFE_H) @ weights)

    def _inside(self, after: int, until: int) -> tuple[int, int]:
        return bisect_right(self._negative, after), bisect_right(self._negative, until)


def _previous(keys: Iterable[Hashable]) -> npt.NDArray[np.int64]:
    """Return for each key the index of the last equal one before it, else -1."""
    seen: dict[Hashable, int] = {}
    previous: list[int] = []
    for index, key in enumerate(keys):
        previous.append(seen.get(key, -1))
        seen[key] = index
    return np.array(previous, dtype=np.int64)


def _between(times: list[int], after: int, until: int) -> int:
    return bisect_right(times, until) - bisect_right(times, after)


def _next(times: list[int], after: int) -> int | None:
    index = bisect_right(times, after)
    return times[index] if index < len(times) else None
