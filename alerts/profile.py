"""When news comes: how much more or less of it a given hour of the week brings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

HOURS_OF_WEEK: Final = 168
_HOUR_US = 3_600_000_000
_WEEK_US = HOURS_OF_WEEK * _HOUR_US
# 1970-01-01 was a Thursday: so many hours before it the week had begun.
_MONDAY = 3 * 24
# As if each hour of the week had been seen this often at the mean already.
_PRIOR_WEEKS = 1.0
# An hour in which nobody ever publishes would make a single account infinitely surprising.
_LEAST = 0.1


@dataclass(frozen=True)
class Profile:
    """Weights of the hours of a week, Monday 00:00 UTC first, with a mean of about 1.

    Attributes:
        weights: 168 factors > 0; an hour with 2 brings twice as much as the mean hour.
    """

    weights: tuple[float, ...]

    @classmethod
    def of(
        cls, hours: Iterable[tuple[datetime, int]], *, since: datetime, until: datetime
    ) -> "Profile":
        """Learn from the accounts of all news.

        Args:
            hours: Starts of whole hours, aware, and the accounts in each.
            since: News was watched from here on.
            until: The end of what is looked at.
        """
        first, last = (_hour(moment) for moment in (since, until))
        counts = np.zeros(max(last - first, 0))
        for start, accounts in hours:
            place = _hour(start) - first
            if 0 <= place < len(counts):
                counts[place] += accounts
        if not counts.any():
            return FLAT
        of_week = (np.arange(first, last) + _MONDAY) % HOURS_OF_WEEK
        seen = np.bincount(of_week, minlength=HOURS_OF_WEEK)
        told = np.bincount(of_week, weights=counts, minlength=HOURS_OF_WEEK)
        weights = (told / counts.mean() + _PRIOR_WEEKS) / (seen + _PRIOR_WEEKS)
        return cls(tuple(np.maximum(weights, _LEAST).tolist()))

    def between(self, start: int, end: int) -> float:
        """Return the mean hours that a span is worth: its weights, summed.

        Args:
            start: Microseconds since 1970.
            end: Not before it.
        """
        return self._until(end) - self._until(start)

    def hourly(self, first_hour: int, last_hour: int) -> npt.NDArray[np.float64]:
        """Return the weight of each hour in ``[first_hour, last_hour)``, hours since 1970."""
        of_week = (np.arange(first_hour, last_hour) + _MONDAY) % HOURS_OF_WEEK
        taken: npt.NDArray[np.float64] = self._weights[of_week]
        return taken

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        return np.array(self.weights)

    @cached_property
    def _sums(self) -> list[float]:
        return [0.0, *np.cumsum(self._weights).tolist()]

    def _until(self, us: int) -> float:
        weeks, rest = divmod(us + _MONDAY * _HOUR_US, _WEEK_US)
        hour, part = divmod(rest, _HOUR_US)
        return weeks * self._sums[-1] + self._sums[hour] + self.weights[hour] * part / _HOUR_US


FLAT: Final = Profile((1.0,) * HOURS_OF_WEEK)
"""Every hour alike."""


def _hour(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1)
