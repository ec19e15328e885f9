"""Charts as plain geometry, which a template draws as SVG; no script takes part.

Coordinates are of a drawing 1000 wide that the page stretches to its own width.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from db.desk import CountRow

WIDTH = 1000
SHARE_HEIGHT = 100
BARS_HEIGHT = 60
_FEWEST_FOR_BAND = 20
# A wider band holds nearly every share there is: it would shade the chart and tell nothing.
_WIDEST_BAND = 0.8
_TOPS = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Column:
    """One bucket as a column of the chart; heights are of ``BARS_HEIGHT``.

    Attributes:
        stories: That the accounts tell.
        share: Negative share of the bucket's own accounts; None without accounts.
    """

    start: datetime
    x: float
    width: float
    accounts: int
    negative: int
    stories: int
    accounts_height: float
    negative_height: float

    @property
    def share(self) -> float | None:
        """Negative accounts by accounts."""
        return self.negative / self.accounts if self.accounts else None


@dataclass(frozen=True, slots=True)
class Chart:
    """A negative share as a line over accounts as bars.

    Attributes:
        line: SVG path of the trailing share.
        band: (y, height) of the usual range; None where there is none to tell.
        top: Share at the upper edge.
        most: Accounts at the upper edge of the bars.
        marks: x of moments to mark, with their index in what was given.
        days: Starts of the days, equally spaced.
    """

    columns: tuple[Column, ...]
    line: str
    band: tuple[float, float] | None
    usual: tuple[float, float] | None
    top: float
    most: int
    marks: tuple[tuple[int, float], ...]
    days: tuple[datetime, ...]


def trailing_shares(
    rows: Mapping[datetime, CountRow], starts: Iterable[datetime], *, step: timedelta, span: int
) -> list[float | None]:
    """Return for each bucket the negative share of the ``span`` buckets that end with it.

    None where these have no accounts.
    """
    shares: list[float | None] = []
    for start in starts:
        found = [rows[at] for back in range(span) if (at := start - back * step) in rows]
        accounts = sum(row.accounts for row in found)
        shares.append(sum(row.negative for row in found) / accounts if accounts else None)
    return shares


def usual_range(shares: Iterable[float | None], *, accounts: int) -> tuple[float, float] | None:
    """Return the 10 % and 90 % quantiles; None where they tell nothing.

    That is of fewer than 20 values, or ``accounts`` that they are made of, and where they lie
    more than 80 points apart.
    """
    known = [share for share in shares if share is not None]
    if min(len(known), accounts) < _FEWEST_FOR_BAND:
        return None
    deciles = quantiles(known, n=10)
    low, high = max(0.0, deciles[0]), min(1.0, deciles[-1])
    return (low, high) if high - low <= _WIDEST_BAND else None


def draw(
    rows: Sequence[CountRow],
    *,
    since: datetime,
    until: datetime,
    newest: datetime,
    step: timedelta,
    span: int,
    stories: Mapping[datetime, int],
    marks: Sequence[datetime] = (),
    usual: tuple[float, float] | None = None,
) -> Chart:
    """Lay out a chart.

    Args:
        rows: Buckets of ``step``, some from before ``since`` for the trailing share.
        since: Start of the first day shown, at midnight UTC.
        until: End of the last day shown.
        newest: Nothing is drawn after it.
        step: Length of a bucket.
        span: Buckets that the trailing share takes together.
        stories: How many each bucket tells; of one that is absent none.
        marks: Moments to mark.
        usual: Range of shares to shade.

    Returns:
        The chart.
    """
    by_start = {row.start: row for row in rows}
    count = int((until - since) / step)
    starts = [since + index * step for index in range(count)]
    starts = [start for start in starts if start <= newest]
    shown = [by_start.get(start, CountRow(start, 0, 0)) for start in starts]
    shares = trailing_shares(by_start, starts, step=step, span=span)
    highest = max([share for share in shares if share is not None] + [*(usual or ())], default=0)
    top = next(top for top in _TOPS if highest <= top)
    most = max((row.accounts for row in shown), default=0)
    width = WIDTH / count
    columns = tuple(
        Column(
            row.start,
            round(index * width, 2),
            round(width, 2),
            row.accounts,
            row.negative,
            stories.get(row.start, 0),
            round(BARS_HEIGHT * row.accounts / max(most, 1), 2),
            round(BARS_HEIGHT * row.negative / max(most, 1), 2),
        )
        for index, row in enumerate(shown)
    )
    length = until - since
    return Chart(
        columns=columns,
        line=path(shares, width=WIDTH, height=SHARE_HEIGHT, count=count, top=top),
        band=None if usual is None else _band(usual, top),
        usual=usual,
        top=top,
        most=most,
        marks=tuple(
            (index, round(WIDTH * ((at - since) / length), 2))
            for index, at in enumerate(marks)
            if since <= at < until
        ),
        days=tuple(since + timedelta(days=day) for day in range(length.days)),
    )


def path(
    values: Sequence[float | None], *, width: float, height: float, count: int, top: float
) -> str:
    """Return an SVG path through the middle of each column; it breaks where there is no value."""
    parts: list[str] = []
    pen_down = False
    for index, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        x, y = (index + 0.5) * width / count, height * (1 - value / top)
        # A lone point shows as a dot: the line's caps are round.
        parts.append(f"L{x:.1f} {y:.1f}" if pen_down else f"M{x:.1f} {y:.1f}h0.1")
        pen_down = True
    return "".join(parts)


def _band(usual: tuple[float, float], top: float) -> tuple[float, float]:
    low, high = usual
    return round(SHARE_HEIGHT * (1 - high / top), 2), round(SHARE_HEIGHT * (high - low) / top, 2)
