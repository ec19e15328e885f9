"""How far series stood out on the days before, and the threshold that this leaves to a budget."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from alerts import budget
from alerts.budget import Ranks
from alerts.types import Detector, Rule
from db.detect_ranks import read_ranks, save_ranks
from db.engine import Session
from db.rows import SeriesKey
from pipeline.rules import Rules, ScopedRule
from pipeline.stages.cells import Market


class RankStore(Protocol):
    """Remembers how far series stood out, day by day."""

    def read(self, detector: Detector, *, since: date, before: date) -> Ranks[SeriesKey]:
        """Return a detector's ranks of the days in ``[since, before)``; low ones may lack."""
        ...

    def save(self, detector: Detector, ranks: Mapping[SeriesKey, Mapping[date, float]]) -> None:
        """Raise the ranks to these where they are higher."""
        ...


class StoredRanks:
    """The ranks in the database, as one transaction sees them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, detector: Detector, *, since: date, before: date) -> Ranks[SeriesKey]:
        """See ``RankStore``."""
        return read_ranks(self._session, detector, since=since, before=before, least=budget.LEAST)

    def save(self, detector: Detector, ranks: Mapping[SeriesKey, Mapping[date, float]]) -> None:
        """See ``RankStore``."""
        save_ranks(self._session, detector, ranks)


def with_threshold(
    scoped: ScopedRule,
    rules: Rules,
    past: RankStore,
    market: Market,
    *,
    cell_start: datetime,
) -> Rule:
    """Return a rule with the threshold that the days before a cell leave to its budget."""
    today = cell_start.date()
    first = today - timedelta(days=budget.HISTORY_DAYS + 1)
    warm = market.watched_since + scoped.rule.warm_up
    detector = scoped.rule.detector
    own = {
        day: {key: rank for key, rank in ranks.items() if rules.of(key, detector) is scoped}
        for day, ranks in past.read(detector, since=first, before=today).items()
    }
    threshold = budget.threshold(
        own,
        before=today,
        since=warm.date() + timedelta(days=1),
        per_day=scoped.alerts_per_day,
    )
    return replace(scoped.rule, threshold=threshold)
