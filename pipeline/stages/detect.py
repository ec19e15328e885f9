"""Walk the series that changed through event time and store what becomes of their alerts.

Thresholds, statistics and the choice of evidence live in ``alerts``; this stage brings it the
rows and stores its answer. It is deterministic: the same items give the same alerts however
event time is cut into ticks, because one transaction never crosses a border of the fixed grid
``STEP`` and whatever is read as history hangs on that grid, not on the tick.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from alerts import budget, series
from alerts.profile import Profile
from alerts.types import Hour, Rule, SeriesState
from alerts.walk import walk
from db.alerts import detect_state, open_alerts, save_alert, save_detect_state, try_lock
from db.detect_ranks import read_ranks, save_ranks
from db.engine import Session
from db.rows import AlertEventRow, AlertRow, HourRow, ScopeKind, SeriesKey
from db.trends import archive_start, candidates, hours, mentions, scope_name
from pipeline.settings import DetectSettings
from pipeline.stages.alerting import DETECTOR, moved, said_of, to_mention

# A quarter of a day: few enough series change in it that they fit in memory, and a stop or a
# crash loses little work. It must be whole hours, for history is kept by the hour.
STEP = timedelta(hours=6)
# What a baseline looks at before its window, and the hour that the border cuts.
HISTORY = series.HISTORY + timedelta(hours=1)
# The market's negative share before there is any, and how many accounts that guess is worth.
PRIOR_SHARE = 0.25
PRIOR_ACCOUNTS = 30
# Nobody publishes nothing for so long, holidays included: before such a gap nobody watched.
LONGEST_SILENCE = timedelta(days=4)
MARKET = SeriesKey(ScopeKind.MARKET, "all")

Change = tuple[AlertRow, AlertEventRow]

_STATES = TypeAdapter(dict[str, SeriesState])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did: it evaluated ``(…, until]`` and said ``events``."""

    until: datetime
    events: tuple[AlertEventRow, ...] = ()


def rule_of(settings: DetectSettings) -> Rule:
    """Return the detector's rule with the thresholds of the settings."""
    return Rule(
        min_negative=settings.min_negative,
        min_sources=settings.min_sources,
        min_ratio=settings.min_ratio,
        cooldown=timedelta(hours=settings.cooldown_h),
        warm_up=timedelta(hours=settings.warm_up_h),
    )


def tick(session: Session, *, watermark: datetime, settings: DetectSettings) -> Step | None:
    """Evaluate the next stretch of event time, at most to ``watermark``; does not commit.

    To be called again, in a new transaction, until it returns None or reaches the watermark.

    Args:
        session: An open transaction: alerts, outbox and the point reached move together.
        watermark: Every item up to this event time is stored.
        settings: Scopes and thresholds.

    Returns:
        None when there is nothing to do or another scheduler is at it.
    """
    if not try_lock(session, DETECTOR):
        return None
    oldest = archive_start(session)
    if oldest is None:
        return None
    saved = detect_state(session, DETECTOR)
    since, states = _unpack(saved, oldest)
    if watermark < since:
        return None

    rule = rule_of(settings)
    kinds = [ScopeKind(scope) for scope in settings.scopes]
    firing = {alert.scope: alert for alert in open_alerts(session) if alert.detector == DETECTOR}
    stretch = _Stretch(session, since, watermark, rule, kinds)
    busy = [key for key, state in states.items() if state.open]
    until, changed = stretch.next(keep_small=bool(busy))
    walker = _Walker(session, rule, since, until, settings.alerts_per_day)
    changes: list[Change] = []
    for key in sorted({*changed, *busy}):
        states[key], of_series = walker.walk(key, states.get(key, SeriesState()), firing.get(key))
        changes += of_series
    save_ranks(session, DETECTOR, walker.ranks)
    # In the order of event time, so that receivers hear one story and not series by series.
    changes.sort(key=lambda change: change[1].at)
    for alert, event in changes:
        save_alert(session, alert, event)

    forget_before = until - rule.long_window - rule.cooldown
    save_detect_state(session, DETECTOR, until, _pack(states, forget_before))
    return Step(until, tuple(event for _, event in changes))


def grid_end(since: datetime) -> datetime:
    """Return the first border of the grid after ``since``."""
    return _EPOCH + ((since - _EPOCH) // STEP + 1) * STEP


class _Stretch:
    """Decides how far one transaction goes, and which series can change in it."""

    def __init__(
        self,
        session: Session,
        since: datetime,
        watermark: datetime,
        rule: Rule,
        kinds: Sequence[ScopeKind],
    ) -> None:
        self._session = session
        self._since = since
        self._watermark = watermark
        self._rule = rule
        self._kinds = kinds

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
        return candidates(
            self._session,
            kinds=self._kinds,
            since=since - self._rule.long_window,
            until=until,
            min_negative=self._rule.min_negative,
        )


class _Walker:
    """Walks single series through ``(since, until]``, inside one cell of the grid."""

    def __init__(
        self,
        session: Session,
        rule: Rule,
        since: datetime,
        until: datetime,
        alerts_per_day: float,
    ) -> None:
        self.ranks: dict[SeriesKey, dict[date, float]] = {}
        self._session = session
        self._basic_rule = rule
        self._alerts_per_day = alerts_per_day
        self._since = since
        self._until = until
        self._cell_start = grid_end(since) - STEP

    def walk(
        self, key: SeriesKey, state: SeriesState, alert: AlertRow | None
    ) -> tuple[SeriesState, list[Change]]:
        """Walk one series; return its new state and what became of its alert, in order."""
        if state.open and alert is None:  # Someone deleted the alert: there is nothing to move.
            state = SeriesState(last_resolved_at=state.open.fired_at)
        revisit = max(self._since - self._basic_rule.long_window, self._cell_start)
        start = revisit - self._basic_rule.long_window
        rows = mentions(self._session, key, since=start, until=self._until)
        walked = walk(
            [to_mention(row) for row in rows],
            self._hours(key),
            state=state,
            since=self._since,
            until=self._until,
            revisit_since=revisit,
            archive_start=self._market.watched_since,
            parent_share=self._market.negative_share,
            rule=self._rule,
            profile=self._market.profile,
        )
        if walked.ranks:
            self.ranks[key] = walked.ranks
        changes: list[Change] = []
        for transition in walked.transitions:
            name = alert.scope_name if alert else scope_name(self._session, key)
            alert = moved(alert, transition, key=key, name=name, rows=rows)
            changes.append((alert, said_of(alert, transition.kind)))
        return walked.state, changes

    def _hours(self, key: SeriesKey) -> list[Hour]:
        since = self._cell_start - self._basic_rule.long_window - HISTORY
        rows = hours(self._session, key, since=since, until=self._until)
        return [Hour(row.start, row.accounts, row.negative, row.negative_sources) for row in rows]

    @cached_property
    def _market(self) -> "_Market":
        start = self._cell_start
        rows = hours(self._session, MARKET, since=start - HISTORY, until=start)
        return _Market.of(rows, start)

    @cached_property
    def _rule(self) -> Rule:
        """The rule with the threshold that the days before this cell leave to the budget."""
        today = self._cell_start.date()
        first = today - timedelta(days=budget.HISTORY_DAYS + 1)
        ranks = read_ranks(self._session, DETECTOR, since=first, before=today, least=budget.LEAST)
        warm = self._market.watched_since + self._basic_rule.warm_up
        return replace(
            self._basic_rule,
            threshold=budget.threshold(
                ranks,
                before=today,
                since=warm.date() + timedelta(days=1),
                per_day=self._alerts_per_day,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Market:
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
    def of(cls, rows: Sequence[HourRow], until: datetime) -> "_Market":
        """Return the market of the hours before ``until``, which are in order."""
        negative = sum(row.negative for row in rows) + PRIOR_SHARE * PRIOR_ACCOUNTS
        share = negative / (sum(row.accounts for row in rows) + PRIOR_ACCOUNTS)
        since = until
        for row in reversed(rows):
            if since - row.start > LONGEST_SILENCE:
                break
            since = row.start
        told = [(row.start, row.accounts) for row in rows]
        return cls(share, since, Profile.of(told, since=since, until=until))


def _unpack(
    saved: Mapping[str, Any] | None, oldest: datetime
) -> tuple[datetime, dict[SeriesKey, SeriesState]]:
    """Return the point reached and the states of the series that are not at rest."""
    if saved is None:
        return oldest - timedelta(microseconds=1), {}
    states = _STATES.validate_python(saved["state"])
    return saved["evaluated_until"], {_key(text): state for text, state in states.items()}


def _pack(states: Mapping[SeriesKey, SeriesState], forget_before: datetime) -> dict[str, Any]:
    """Return the states as JSON without those that no longer matter."""
    kept = {
        f"{key.kind}:{key.id}": state
        for key, state in states.items()
        if state.open or (state.last_resolved_at and state.last_resolved_at > forget_before)
    }
    packed: dict[str, Any] = _STATES.dump_python(kept, mode="json")
    return packed


def _key(text: str) -> SeriesKey:
    kind, _, scope_id = text.partition(":")
    return SeriesKey(ScopeKind(kind), scope_id)
