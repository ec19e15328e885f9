"""The fixed grid of event time that detection hangs on, and what is read for one of its cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts import budget, series
from alerts.defaults import LONGEST_WARM_UP
from alerts.profile import Profile
from alerts.types import Hour
from db.rows import MARKET, SeriesKey
from pipeline.stages.archive import Archive

# A quarter of a day: few enough series change in it that they fit in memory, and a stop or a
# crash loses little work. It must be whole hours, for history is kept by the hour.
STEP = timedelta(hours=6)
# What a baseline looks at before its window, and the hour that the border cuts.
HISTORY = series.HISTORY + timedelta(hours=1)
# How far back is looked for the beginning of the archive: a rule's longest warm-up, and after it
# the days that a budget looks at.
WATCHED = LONGEST_WARM_UP + timedelta(days=budget.HISTORY_DAYS + 1)
# The market's negative share before there is any, and how many accounts that guess is worth.
PRIOR_SHARE = 0.25
PRIOR_ACCOUNTS = 30
# Nobody publishes nothing for so long, holidays included: before such a gap nobody watched.
LONGEST_SILENCE = timedelta(days=4)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


def grid_end(since: datetime) -> datetime:
    """Return the first border of the grid after ``since``."""
    return _EPOCH + ((since - _EPOCH) // STEP + 1) * STEP


def pieces(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut ``(since, until]`` at the borders of the grid."""
    while since < until:
        end = min(grid_end(since), until)
        yield since, end
        since = end


def cell_start(at: datetime) -> datetime:
    """Return the start of the cell of the grid that a moment is evaluated in."""
    return grid_end(at - _INSTANT) - STEP


def histories(
    archive: Archive,
    keys: Sequence[SeriesKey],
    cell_start: datetime,
    *,
    window: timedelta,
    until: datetime,
) -> dict[SeriesKey, list[Hour]]:
    """Return the hours that baselines look at, for windows that end in one cell of the grid."""
    found = archive.hours(keys, since=cell_start - window - HISTORY, until=until)
    return {
        key: [Hour(row.start, row.accounts, row.negative, row.negative_sources) for row in rows]
        for key, rows in found.items()
    }


@dataclass(frozen=True, slots=True)
class Market:
    """What all news together says of the time before one cell of the grid.

    Attributes:
        negative_share: Of its accounts.
        profile: When in a week its accounts come.
        watched_since: From when on silence means that nothing was written. A first poll brings
            items that are weeks old, before which nobody looked: they are not the beginning.
    """

    negative_share: float
    watched_since: datetime
    profile: Profile

    @classmethod
    def before(cls, start: datetime, archive: Archive) -> "Market":
        """Return the market before a cell of the grid that begins at ``start``."""
        rows = archive.hours([MARKET], since=start - HISTORY, until=start)[MARKET]
        negative = sum(row.negative for row in rows) + PRIOR_SHARE * PRIOR_ACCOUNTS
        share = negative / (sum(row.accounts for row in rows) + PRIOR_ACCOUNTS)
        since = start
        for row in reversed(rows):
            if since - row.start > LONGEST_SILENCE:
                break
            since = row.start
        else:  # no gap: what begins before the history was watched all along
            oldest = archive.start() or since
            if since - (start - HISTORY) < LONGEST_SILENCE and oldest < since:
                since = max(oldest, start - WATCHED)
        told = [(row.start, row.accounts) for row in rows]
        learnt = Profile.of(told, since=max(since, start - HISTORY), until=start)
        return cls(share, since, learnt)
