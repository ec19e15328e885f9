"""An anomaly score for a plain series of values, one row at a time; reading files lives elsewhere.

For counts such as mentions in five minutes, whose bursts are the anomalies. A single series has
no second number to hold against it: where items have a sentiment, `negative_spike` knows more.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SHORT = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Time constants of what is going on now, from one row to an hour, weighed alike."""

HALF_LIFE = timedelta(days=3, hours=12)
"""Half-life of the baseline, half a week: long against a day, short against a change of level."""

THRESHOLD = 2.8
"""Deviations above the baseline that score 0.5 and start a cooldown: the middle of a plateau
(docs/detect.md)."""

COOLDOWN = timedelta(hours=24)
"""After a score of 0.5 or more the same episode is not told again for this long."""

_FLOOR = 0.05
"""Least deviation in log units: a change of 5 % is no news in a series that never moved."""

_WARM_UP = timedelta(hours=24)
"""No score before a whole day has been seen: until then the hour of the day is news."""


@dataclass(slots=True)
class _Average:
    """Exponentially weighted mean and variance of what was added, each row weighing the same."""

    weight: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float, kept: float) -> None:
        """Let the past count ``kept`` in [0, 1] times, then add the value."""
        self.weight = self.weight * kept + 1.0
        self.total = self.total * kept + value
        self.squares = self.squares * kept + value * value

    @property
    def mean(self) -> float:
        return self.total / self.weight

    @property
    def deviation(self) -> float:
        return math.sqrt(max(self.squares / self.weight - self.mean**2, 0.0))


@dataclass(slots=True)
class StreamingDetector:
    """Scores rows of one series in the order of time; each score depends on rows so far alone.

    The log of a short moving average is compared with its own mean and deviation of the last
    days, for three lengths, and the three are averaged. Memory and time for a row are constant.

    Reference:
        Exponentially weighted control charts: S. W. Roberts (1959), Technometrics 1(3), 239-250.
    """

    _short: list[_Average] = field(default_factory=lambda: [_Average() for _ in SHORT])
    _long: list[_Average] = field(default_factory=lambda: [_Average() for _ in SHORT])
    _started_at: datetime | None = None
    _last_at: datetime | None = None
    _alerted_at: datetime | None = None

    def score(self, at: datetime, value: float) -> float:
        """Add a row and return its anomaly score.

        Args:
            at: Time of the row, not before the last one's.
            value: Any finite number; counts are what it is made for.

        Returns:
            A number in [0, 1): 0.5 is `THRESHOLD` deviations above the baseline, 0 is none, and
            0 too in the first day and in the cooldown of an alert.

        Raises:
            ValueError: If the time goes back or the value is not finite.
        """
        if not math.isfinite(value):
            raise ValueError(f"the value at {at} is {value}, not a finite number")
        if self._last_at is not None and at < self._last_at:
            raise ValueError(f"{at} comes after {self._last_at}: sort the rows by time")
        if self._started_at is None:
            self._started_at = at
        gap = at - self._last_at if self._last_at is not None else timedelta(0)
        self._last_at = at
        z = self._deviations(value, gap)
        if z <= 0 or at - self._started_at < _WARM_UP or self._cooling(at):
            return 0.0
        if z >= THRESHOLD:
            self._alerted_at = at
        return z / (z + THRESHOLD)

    def _cooling(self, at: datetime) -> bool:
        return self._alerted_at is not None and at - self._alerted_at < COOLDOWN

    def _deviations(self, value: float, gap: timedelta) -> float:
        """Return the mean over the lengths of the deviations above the baseline; adds the row."""
        forgotten = 0.5 ** (gap / HALF_LIFE)
        z = 0.0
        for length, short, long in zip(SHORT, self._short, self._long, strict=True):
            short.add(value, math.exp(-(gap / length)))
            level = math.copysign(math.log1p(abs(short.mean)), short.mean)
            if long.weight:
                z += (level - long.mean) / (long.deviation + _FLOOR)
            long.add(level, forgotten)
        return z / len(SHORT)
