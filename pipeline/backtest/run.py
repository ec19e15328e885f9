"""All alerts that an archive would have raised, by the code of the live scheduler.

As of each moment, nothing from the future: ``detect.advance`` is given event time cell by cell.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from alerts.budget import Ranks
from alerts.types import Detector
from db.alert_rows import AlertRow
from db.rows import SeriesKey
from pipeline.rules import Rules
from pipeline.stages.archive import Archive
from pipeline.stages.detect import Reached, advance
from pipeline.stages.telling import Change
from pipeline.stages.walking import Watch


class MemoryRanks:
    """The ranks of one backtest; see ``ranks.RankStore``."""

    def __init__(self) -> None:
        self._days: defaultdict[Detector, dict[date, dict[SeriesKey, float]]] = defaultdict(dict)

    def read(self, detector: Detector, *, since: date, before: date) -> Ranks[SeriesKey]:
        """Return a detector's ranks of the days in ``[since, before)``."""
        days = self._days[detector]
        return {day: ranks for day, ranks in days.items() if since <= day < before}

    def save(self, detector: Detector, ranks: Mapping[SeriesKey, Mapping[date, float]]) -> None:
        """Raise the ranks to these where they are higher."""
        for key, days in ranks.items():
            for day, rank in days.items():
                known = self._days[detector].setdefault(day, {})
                known[key] = max(rank, known.get(key, 0.0))


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert from its firing to its end.

    Attributes:
        changes: The first one fired it; at least one.
    """

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        """What fired it."""
        return self.changes[0]

    @property
    def last(self) -> AlertRow:
        """The alert as it was left."""
        return self.changes[-1].alert

    @property
    def told(self) -> bool:
        """Whether receivers ever heard of it: another alert may have spoken for it throughout."""
        return any(change.alert.suppressed_by is None for change in self.changes)

    @property
    def scope(self) -> SeriesKey:
        """The series."""
        return self.last.scope

    @property
    def watch(self) -> Watch:
        """The detector and the series."""
        return Watch(Detector(self.last.detector), self.last.scope)


def backtest(
    archive: Archive,
    rules: Rules,
    *,
    until: datetime,
    on_progress: Callable[[datetime], None] = lambda _: None,
) -> list[Change]:
    """Evaluate an archive from its oldest item on.

    Args:
        archive: The news.
        rules: Which series alert, and when.
        until: Inclusive; the last item's event time gives what a finished replay gives.
        on_progress: Gets the event time reached.

    Returns:
        Every change of an alert, by event time.
    """
    oldest = archive.start()
    if oldest is None:
        return []
    reached, ranks = Reached.before(oldest), MemoryRanks()
    changes: list[Change] = []
    while reached.until < until:
        reached, new = advance(archive, ranks, reached, watermark=until, rules=rules)
        changes += new
        on_progress(reached.until)
    return changes


def alerts_of(changes: Sequence[Change]) -> list[Fired]:
    """Return the alerts of changes that are by event time, in the order in which they fired."""
    by_id: dict[object, list[Change]] = {}
    for change in changes:
        by_id.setdefault(change.alert.id, []).append(change)
    return [Fired(tuple(found)) for found in by_id.values()]


@dataclass(frozen=True, slots=True)
class Difference:
    """What two backtests of one archive have in common, and what not.

    Attributes:
        both: Alerts of one detector on one series whose times overlap, of the first and second.
        only_first: Without a counterpart in the second.
        only_second: Without a counterpart in the first.
    """

    both: tuple[tuple[Fired, Fired], ...]
    only_first: tuple[Fired, ...]
    only_second: tuple[Fired, ...]


def compare(first: Sequence[Fired], second: Sequence[Fired], *, until: datetime) -> Difference:
    """Pair the alerts of two backtests; each has one counterpart at most.

    Args:
        first: In the order of firing.
        second: In the order of firing.
        until: Where both ended: an alert still open lasts until then.

    Returns:
        The pairs and the rest, in the order of firing.
    """
    left: dict[Watch, list[Fired]] = {}
    for alert in second:
        left.setdefault(alert.watch, []).append(alert)
    both: list[tuple[Fired, Fired]] = []
    only_first: list[Fired] = []
    for alert in first:
        others = left.get(alert.watch, [])
        other = next((each for each in others if _overlap(alert, each, until)), None)
        if other is None:
            only_first.append(alert)
        else:
            others.remove(other)
            both.append((alert, other))
    return Difference(tuple(both), tuple(only_first), _in_order(left))


def _in_order(left: Mapping[Watch, Sequence[Fired]]) -> tuple[Fired, ...]:
    rest = [alert for alerts in left.values() for alert in alerts]
    return tuple(sorted(rest, key=lambda alert: (alert.last.fired_at, alert.scope)))


def _overlap(one: Fired, other: Fired, until: datetime) -> bool:
    ends = [each.last.resolved_at or until for each in (one, other)]
    return one.last.fired_at <= ends[1] and other.last.fired_at <= ends[0]
