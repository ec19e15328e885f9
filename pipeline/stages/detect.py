"""Walk the series that changed through event time and store what becomes of their alerts.

Thresholds, statistics and the choice of evidence live in ``alerts``, what is read for a cell of
the grid in ``cells``; this stage brings it the rows and stores its answer. It is deterministic:
the same items give the same alerts however event time is cut into ticks, because one transaction
never crosses a border of the fixed grid ``STEP`` and whatever is read as history hangs on that
grid, not on the tick.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from alerts.types import Hour, Reading, Rule, SeriesState
from alerts.walk import walk
from db.alerts import detect_state, open_alerts, save_alerts, save_detect_state, try_lock
from db.engine import Session
from db.rows import AlertEventRow, AlertRow, MentionRow, ScopeKind, SeriesKey
from pipeline.rules import Rules
from pipeline.stages.alerting import DETECTOR, moved, said_of, to_mention
from pipeline.stages.archive import Archive, StoredArchive
from pipeline.stages.cells import STEP, Market, grid_end, histories
from pipeline.stages.ranks import RankStore, StoredRanks, with_threshold

# Walks an open alert to its end whose series no rule watches any more.
_LAST_RULE = Rule()
# So many series are read by one statement: few round trips, and what is held stays bounded.
_READ_AT_ONCE = 500

_STATES = TypeAdapter(dict[str, SeriesState])


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to an alert.

    Attributes:
        alert: As it stands afterwards.
        event: What receivers are told.
        reading: What the detector measured.
    """

    alert: AlertRow
    event: AlertEventRow
    reading: Reading


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did: it evaluated ``(…, until]`` and said ``events``."""

    until: datetime
    events: tuple[AlertEventRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """How far detection has come.

    Attributes:
        until: Event time that is evaluated, inclusive.
        states: Of the series that are not at rest.
        firing: The open alerts.
        seen: ``Archive.snapshot`` from before the news was read.
    """

    until: datetime
    states: Mapping[SeriesKey, SeriesState] = field(default_factory=dict)
    firing: Mapping[SeriesKey, AlertRow] = field(default_factory=dict)
    seen: int | None = None

    @classmethod
    def before(cls, oldest: datetime) -> "Reached":
        """Return the point before the first item."""
        return cls(oldest - timedelta(microseconds=1))


def tick(session: Session, *, watermark: datetime, rules: Rules) -> Step | None:
    """Evaluate the next stretch of event time, at most to ``watermark``; does not commit.

    To be called again, in a new transaction, until it returns None or reaches the watermark.

    Args:
        session: An open transaction: alerts, outbox and the point reached move together.
        watermark: Every item up to this event time is stored.
        rules: Which series alert, and when.

    Returns:
        None when there is nothing to do or another scheduler is at it.
    """
    if not try_lock(session, DETECTOR):
        return None
    archive = StoredArchive(session)
    oldest = archive.start()
    if oldest is None:
        return None
    saved = detect_state(session, DETECTOR)
    reached = _unpack(saved, open_alerts(session)) if saved else Reached.before(oldest)
    if watermark < reached.until:
        return None
    ranks = StoredRanks(session)
    reached, changes = advance(archive, ranks, reached, watermark=watermark, rules=rules)
    save_alerts(session, [(change.alert, change.event) for change in changes])
    save_detect_state(session, DETECTOR, reached.until, _pack(reached.states), reached.seen)
    return Step(reached.until, tuple(change.event for change in changes))


def advance(
    archive: Archive, ranks: RankStore, reached: Reached, *, watermark: datetime, rules: Rules
) -> tuple[Reached, list[Change]]:
    """Evaluate the next stretch of event time; stores nothing but ranks.

    Args:
        archive: The news.
        ranks: Of the days before; those of the stretch are added.
        reached: What the last call returned; at first ``Reached.before`` the oldest item.
        watermark: Nothing after it is looked at; not before ``reached.until``.
        rules: Which series alert, and when.

    Returns:
        The point reached, at most the watermark, and the changes in the order of event time.
    """
    states, firing = dict(reached.states), dict(reached.firing)
    seen = archive.snapshot()
    stretch = _Stretch(archive, reached, watermark, rules)
    busy = [key for key, state in states.items() if state.open]
    until, changed = stretch.next(keep_small=bool(busy))
    walker = _Walker(archive, ranks, rules, reached.until, until)
    changes: list[Change] = []
    for given in walker.given(sorted({*changed, *busy})):
        key = given.key
        states[key], of_series = walker.walk(given, states.get(key, SeriesState()), firing.get(key))
        changes += of_series
        if of_series:
            firing[key] = of_series[-1].alert
    ranks.save(walker.ranks)
    # In the order of event time, so that receivers hear one story and not series by series.
    changes.sort(key=lambda change: change.event.at)
    open_now = {key: alert for key, alert in firing.items() if alert.state == "firing"}
    return Reached(until, _remembered(states, until, rules), open_now, seen), changes


def _rule_of(key: SeriesKey, rules: Rules) -> Rule:
    scoped = rules.of(key)
    return scoped.rule if scoped else _LAST_RULE


def _remembered(
    states: Mapping[SeriesKey, SeriesState], until: datetime, rules: Rules
) -> dict[SeriesKey, SeriesState]:
    """Return the states without those that no longer matter."""

    def matters(key: SeriesKey, state: SeriesState) -> bool:
        rule = _rule_of(key, rules)
        resolved_at = state.last_resolved_at
        cooling = resolved_at and resolved_at > until - rule.long_window - rule.cooldown
        return bool(state.open or cooling)

    return {key: state for key, state in states.items() if matters(key, state)}


class _Stretch:
    """Decides how far one transaction goes, and which series can change in it."""

    def __init__(
        self, archive: Archive, reached: Reached, watermark: datetime, rules: Rules
    ) -> None:
        self._archive = archive
        self._since = reached.until
        self._seen = reached.seen
        self._watermark = watermark
        self._rules = rules

    def next(self, *, keep_small: bool) -> tuple[datetime, list[SeriesKey]]:
        """Return the end of the next stretch and the series that may fire in it.

        A stretch ends at the grid; one in which nothing can fire is joined with its
        successors, twice as many each time, so that an archive with a gap of years is
        crossed in a few queries.
        """
        until = min(grid_end(self._since), self._watermark)
        changed = self._candidates(self._since, until)
        span = STEP
        while not changed and not keep_small and until < self._watermark:
            further = min(until + span, self._watermark)
            if self._candidates(until, further):
                break
            until, span = further, 2 * span
        return until, changed

    def _candidates(self, since: datetime, until: datetime) -> list[SeriesKey]:
        found = self._archive.candidates(
            kinds=self._rules.kinds,
            since=since - self._rules.longest_window,
            until=until,
            min_negative=self._rules.least_negative,
            news_since=since,
            seen=self._seen,
        )
        return [key for key in found if self._rules.of(key)]


@dataclass(frozen=True, slots=True)
class _Given:
    """What walking one series needs of the archive."""

    key: SeriesKey
    name: str
    rule: Rule
    mentions: Sequence[MentionRow]
    hours: Sequence[Hour]


class _Walker:
    """Walks series through ``(since, until]``, inside one cell of the grid."""

    def __init__(
        self, archive: Archive, past: RankStore, rules: Rules, since: datetime, until: datetime
    ) -> None:
        self.ranks: dict[SeriesKey, dict[date, float]] = {}
        self._archive = archive
        self._past = past
        self._rules = rules
        self._since = since
        self._until = until
        self._cell_start = grid_end(since) - STEP
        self._known_rules: dict[str, Rule] = {}

    def given(self, keys: Sequence[SeriesKey]) -> Iterator[_Given]:
        """Read what the series need, many at once."""
        by_window: defaultdict[timedelta, list[SeriesKey]] = defaultdict(list)
        for key in keys:
            by_window[self._rule(key).long_window].append(key)
        for window, alike in by_window.items():
            for first in range(0, len(alike), _READ_AT_ONCE):
                some = alike[first : first + _READ_AT_ONCE]
                start = self._revisit(window) - window
                rows = self._archive.mentions(some, since=start, until=self._until)
                hours = histories(
                    self._archive, some, self._cell_start, window=window, until=self._until
                )
                names = self._archive.names(some)
                for key in some:
                    yield _Given(key, names[key], self._rule(key), rows[key], hours[key])

    def walk(
        self, given: _Given, state: SeriesState, alert: AlertRow | None
    ) -> tuple[SeriesState, list[Change]]:
        """Walk one series; return its new state and what became of its alert, in order."""
        if state.open and alert is None:  # Someone deleted the alert: there is nothing to move.
            state = SeriesState(last_resolved_at=state.open.fired_at)
        key = given.key
        walked = walk(
            [to_mention(row) for row in given.mentions],
            given.hours,
            state=state,
            since=self._since,
            until=self._until,
            revisit_since=self._revisit(given.rule.long_window),
            archive_start=self._market.watched_since,
            parent_share=self._market.negative_share,
            rule=given.rule,
            profile=self._market.profile,
        )
        if walked.ranks:
            self.ranks[key] = walked.ranks
        changes: list[Change] = []
        for transition in walked.transitions:
            name = alert.scope_name if alert else given.name
            alert = moved(alert, transition, key=key, name=name, rows=given.mentions)
            said = said_of(alert, transition.kind)
            changes.append(Change(alert, said, transition.reading))
        return walked.state, changes

    def _revisit(self, window: timedelta) -> datetime:
        return max(self._since - window, self._cell_start)

    @cached_property
    def _market(self) -> Market:
        return Market.before(self._cell_start, self._archive)

    def _rule(self, key: SeriesKey) -> Rule:
        scoped = self._rules.of(key)
        if scoped is None:
            return _LAST_RULE
        if scoped.name not in self._known_rules:
            self._known_rules[scoped.name] = with_threshold(
                scoped, self._rules, self._past, self._market, cell_start=self._cell_start
            )
        return self._known_rules[scoped.name]


def _unpack(saved: Mapping[str, Any], alerts: Sequence[AlertRow]) -> Reached:
    """Return the point reached, from what was saved and the alerts that are open."""
    states = _STATES.validate_python(saved["state"])
    return Reached(
        saved["evaluated_until"],
        {_key(text): state for text, state in states.items()},
        {alert.scope: alert for alert in alerts if alert.detector == DETECTOR},
        saved["seen"],
    )


def _pack(states: Mapping[SeriesKey, SeriesState]) -> dict[str, Any]:
    packed: dict[str, Any] = _STATES.dump_python(
        {f"{key.kind}:{key.id}": state for key, state in states.items()}, mode="json"
    )
    return packed


def _key(text: str) -> SeriesKey:
    kind, _, scope_id = text.partition(":")
    return SeriesKey(ScopeKind(kind), scope_id)
