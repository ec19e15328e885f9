"""From an alert budget to a threshold: how far beyond chance a reading must be to fire.

What a threshold costs in alerts a day depends on the feeds, the companies and the classifier, so
it is read from the archive's own recent past and not from a normal distribution.
"""

from collections.abc import Hashable, Mapping
from datetime import date, timedelta
from typing import Final, TypeVar

HISTORY_DAYS: Final = 21
"""Days whose candidates are looked at: three weekends."""

DEFAULT: Final = 1.0
"""The threshold while there is no past: the rule's scores as they are."""

# Half the evidence or four times it is no longer the same detector: there the budget gives way.
LEAST: Final = 0.5
_MOST = 2.0
# The default weighs like so many days of the past.
_PRIOR_DAYS = 5.0
# A day of a market-wide crisis may break the budget; it must not silence the weeks after it.
_MOST_A_DAY = 3.0


_K = TypeVar("_K", bound=Hashable)
Ranks = Mapping[date, Mapping[_K, float]]
"""For each day the highest rank of each series that had one."""


def threshold(ranks: Ranks[_K], *, before: date, since: date, per_day: float) -> float:
    """Return the rank from which readings fire, so that the past would have kept the budget.

    A series that stands out no more than on the day before is still in the same episode, and
    is not counted again.

    Args:
        ranks: Of at least the last ``HISTORY_DAYS`` and a day; those under ``LEAST`` may lack.
        before: Only days before this one count.
        since: The first day that was watched as a whole.
        per_day: Alerts a day over all series, > 0.

    Returns:
        A rank in [0.5, 2].
    """
    first = max(since, before - timedelta(days=HISTORY_DAYS))
    days = [first + timedelta(days=number) for number in range((before - first).days)]
    if not days:
        return DEFAULT
    most = max(_MOST_A_DAY * per_day, 1.0)
    told = [_begun(ranks, day) for day in days]

    def kept(rank: float) -> bool:
        counts = (min(sum(one >= rank for one in day), most) for day in told)
        return sum(counts) <= per_day * len(days)

    steps = sorted({rank for day in told for rank in day if LEAST <= rank <= _MOST})
    past = next((rank for rank in [LEAST, *steps] if kept(rank)), _MOST)
    return (past * len(days) + DEFAULT * _PRIOR_DAYS) / (len(days) + _PRIOR_DAYS)


def _begun(ranks: Ranks[_K], day: date) -> list[float]:
    before = ranks.get(day - timedelta(days=1), {})
    return [rank for key, rank in ranks.get(day, {}).items() if rank > before.get(key, 0.0)]
