"""Walk series of one cell of the grid, with what is read of the archive for them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from alerts.defaults import DEFAULTS
from alerts.types import Detector, Hour, Rule, SeriesState
from alerts.walk import walk
from db.rows import MentionRow, SeriesKey
from pipeline.rules import Rules
from pipeline.stages.alerting import to_mention
from pipeline.stages.archive import Archive
from pipeline.stages.cells import STEP, Market, grid_end, histories
from pipeline.stages.ranks import RankStore, with_threshold
from pipeline.stages.reasons import Found

# So many series are read by one statement: few round trips, and what is held stays bounded.
_READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, order=True)
class Watch:
    """A series under the eyes of one detector."""

    detector: Detector
    key: SeriesKey


@dataclass(frozen=True, slots=True)
class Given:
    """What walking one series needs."""

    watch: Watch
    name: str
    rule: Rule
    rule_name: str
    mentions: Sequence[MentionRow]
    hours: Sequence[Hour]


class Walker:
    """Walks series through ``(since, until]``, inside one cell of the grid."""

    def __init__(
        self, archive: Archive, past: RankStore, rules: Rules, since: datetime, until: datetime
    ) -> None:
        self.ranks: defaultdict[Detector, dict[SeriesKey, dict[date, float]]] = defaultdict(dict)
        self._archive = archive
        self._past = past
        self._rules = rules
        self._since = since
        self._until = until
        self._cell_start = grid_end(since) - STEP
        self._known_rules: dict[str, Rule] = {}

    def given(self, watches: Sequence[Watch]) -> Iterator[Given]:
        """Read what the series need, many at once."""
        by_window: defaultdict[timedelta, list[Watch]] = defaultdict(list)
        for watch in watches:
            by_window[self._rule(watch)[0].long_window].append(watch)
        for window, alike in by_window.items():
            for first in range(0, len(alike), _READ_AT_ONCE):
                yield from self._read(alike[first : first + _READ_AT_ONCE], window)

    def walk(
        self, given: Given, state: SeriesState, *, since: datetime
    ) -> tuple[SeriesState, list[Found]]:
        """Walk one series from ``since``, or from the start of the way if that is later.

        Returns:
            Its new state and what was found, in order.
        """
        key = given.watch.key
        walked = walk(
            [to_mention(row) for row in given.mentions],
            given.hours,
            state=state,
            since=max(since, self._since),
            until=self._until,
            archive_start=self._market.watched_since,
            parent_share=self._market.negative_share,
            rule=given.rule,
            profile=self._market.profile,
        )
        if walked.ranks:
            self.ranks[given.watch.detector][key] = walked.ranks
        return walked.state, [
            Found(transition, given.rule, given.rule_name, key, given.name, given.mentions)
            for transition in walked.transitions
        ]

    def _read(self, some: Sequence[Watch], window: timedelta) -> Iterator[Given]:
        keys = sorted({watch.key for watch in some})
        rows = self._archive.mentions(keys, since=self._since - window, until=self._until)
        hours = histories(self._archive, keys, self._cell_start, window=window, until=self._until)
        names = self._archive.names(keys)
        for watch in some:
            key = watch.key
            yield Given(watch, names[key], *self._rule(watch), rows[key], hours[key])

    @cached_property
    def _market(self) -> Market:
        return Market.before(self._cell_start, self._archive)

    def _rule(self, watch: Watch) -> tuple[Rule, str]:
        """Return the rule with its threshold, and its name.

        An open alert whose series no rule watches any more is walked to its end by the defaults.
        """
        scoped = self._rules.of(watch.key, watch.detector)
        if scoped is None:
            return DEFAULTS[watch.detector], ""
        if scoped.name not in self._known_rules:
            self._known_rules[scoped.name] = with_threshold(
                scoped, self._rules, self._past, self._market, cell_start=self._cell_start
            )
        return self._known_rules[scoped.name], scoped.name
