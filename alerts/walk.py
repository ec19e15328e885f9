"""Move the alert state of one series through event time.

Deterministic, and the same however the way is cut: walking ``(a, c]`` gives what walking
``(a, b]`` and then ``(b, c]`` gives, so the tick of whoever calls does not show in the alerts.
News that comes late is walked again from where it changes something (``resume_at``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from alerts.detectors import measure, next_step
from alerts.negative_spike import severity_of
from alerts.profile import FLAT, Profile
from alerts.series import Series, to_us
from alerts.types import (
    Hour,
    Mention,
    OpenAlert,
    Reading,
    Rule,
    SeriesState,
    Severity,
    Transition,
    TransitionKind,
)

# An open alert is looked at this often even without news, so that it can resolve; the length of
# a trend bucket.
_GRID_US = 5 * 60 * 1_000_000
# Ends and comebacks of one alert in a day; with more it flaps, and each would be noise.
_MOST_TURNS = 3
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Walk:
    """What came of walking one series through event time.

    Attributes:
        ranks: For each day the highest rank of its readings, where there was one above 0.
    """

    state: SeriesState
    transitions: tuple[Transition, ...] = ()
    ranks: dict[date, float] = field(default_factory=dict)


def resume_at(state: SeriesState, *, since: datetime, changed: datetime | None) -> datetime:
    """Return from where a series is to be walked: before ``since`` where something came late.

    What was said stays said: the way begins after the moment that was last spoken of. Between
    that and ``since`` nothing happened, so the state at ``since`` is that of any moment between.

    Args:
        state: The state at ``since``.
        since: The series was walked up to here.
        changed: Since then, nothing before this moment has changed; None: nothing has at all.

    Returns:
        The ``since`` of the next walk.
    """
    if changed is None or changed > since:
        return since
    before = changed - _INSTANT
    return before if state.said_at is None else min(max(before, state.said_at), since)


def walk(
    mentions: Sequence[Mention],
    hours: Sequence[Hour],
    *,
    state: SeriesState,
    since: datetime,
    until: datetime,
    archive_start: datetime,
    parent_share: float,
    rule: Rule,
    profile: Profile = FLAT,
) -> Walk:
    """Walk one series through ``(since, until]``.

    An alert fires at the event time of a negative account, never because time passed. While it
    is open, every account and every border of 5 minutes is a step at which it may become
    critical or resolve. One that fires again within the cooldown is the same alert, which comes
    back. If it ends and comes back too often in a day, it flaps: from then on it ends only after a
    quiet of the cooldown's length.

    Args:
        mentions: Those of ``(since - rule.long_window, until]``, in any order, with copies.
        hours: History from ``series.HISTORY`` and an hour before the first window.
        state: The state at ``since``, or at a later moment from which ``resume_at`` led there.
        since: Exclusive, aware.
        until: Inclusive, aware.
        archive_start: Since then silence counts as silence; aware.
        parent_share: Negative share, in [0, 1], of what the series is a part of. To keep the
            promise above it must not depend on where the way is cut.
        rule: Thresholds.
        profile: When in a week all news comes; as for ``parent_share``.

    Returns:
        The state at ``until`` and what happened on the way there.
    """
    series = Series(
        mentions,
        hours,
        archive_start=archive_start,
        parent_share=parent_share,
        longest_window=rule.long_window,
        profile=profile,
    )
    transitions: list[Transition] = []
    end = to_us(until)
    state = _as_of(state, since)
    at = _next_step(series, to_us(since), rule, is_open=state.open is not None)
    ranks: dict[date, float] = {}
    while at is not None and at <= end:
        measured = measure(series, at, rule)
        if measured.rank > 0:
            day = measured.at.date()
            ranks[day] = max(measured.rank, ranks.get(day, 0.0))
        state, change = _advance(state, measured, rule)
        if change is not None:
            transitions.append(change)
        at = _next_step(series, at, rule, is_open=state.open is not None)
    return Walk(state, tuple(transitions), ranks)


def _as_of(state: SeriesState, since: datetime) -> SeriesState:
    """Return the state without a quiet that began later: the walk finds it again."""
    if state.open is None or state.open.quiet_since is None or state.open.quiet_since <= since:
        return state
    return replace(state, open=replace(state.open, quiet_since=None))


def _next_step(series: Series, after: int, rule: Rule, *, is_open: bool) -> int | None:
    if not is_open:
        return next_step(series, after, rule)
    border = (after // _GRID_US + 1) * _GRID_US
    account = series.next_account(after)
    return border if account is None else min(account, border)


def _advance(
    state: SeriesState, reading: Reading, rule: Rule
) -> tuple[SeriesState, Transition | None]:
    """Return the state after one reading, and the change if there was one."""
    if state.open is not None:
        return _advance_open(state, state.open, reading, rule)
    if not reading.fires:
        return state, None
    severity = severity_of(reading, rule)
    if _cooling(state.last_resolved_at, reading.at, rule.cooldown):
        return _come_back(state, reading, severity)
    opened = OpenAlert(reading.at, severity, 0.0, said_at=reading.at).with_peak(reading)
    return SeriesState(open=opened), _change(TransitionKind.FIRED, opened, reading)


def _advance_open(
    state: SeriesState, alert: OpenAlert, reading: Reading, rule: Rule
) -> tuple[SeriesState, Transition | None]:
    quiet_since = (alert.quiet_since or reading.at) if reading.clears else None
    enough = rule.cooldown if alert.flapping else rule.clear_for
    if quiet_since is not None and reading.at - quiet_since >= enough:
        closed = replace(alert, quiet_since=None, turns=_turns(alert, reading.at))
        state = SeriesState(last_resolved_at=reading.at, closed=closed)
        return state, _change(TransitionKind.RESOLVED, alert, reading)

    worse = alert.severity is Severity.WARNING and severity_of(reading, rule) is Severity.CRITICAL
    alert = replace(
        alert.with_peak(reading),
        severity=Severity.CRITICAL if worse else alert.severity,
        quiet_since=quiet_since,
        said_at=reading.at if worse else alert.said_at,
    )
    updated = _change(TransitionKind.UPDATED, alert, reading)
    return replace(state, open=alert), updated if worse else None


def _come_back(
    state: SeriesState, reading: Reading, severity: Severity
) -> tuple[SeriesState, Transition | None]:
    """Open the alert that ended once more, unless the reading is from before its end."""
    closed = state.closed
    if closed is None or state.last_resolved_at is None or reading.at <= state.last_resolved_at:
        return state, None
    turns = _turns(closed, reading.at)
    alert = replace(
        closed.with_peak(reading),
        severity=Severity.CRITICAL if severity is Severity.CRITICAL else closed.severity,
        said_at=reading.at,
        turns=turns,
        flapping=closed.flapping or len(turns) > _MOST_TURNS,
    )
    return SeriesState(open=alert), _change(TransitionKind.UPDATED, alert, reading)


def _change(kind: TransitionKind, alert: OpenAlert, reading: Reading) -> Transition:
    return Transition(
        kind,
        alert.fired_at,
        alert.severity,
        reading,
        flapping=alert.flapping,
        peak_observed=alert.peak_observed,
        peak_window=alert.peak_window,
    )


def _turns(alert: OpenAlert, at: datetime) -> tuple[datetime, ...]:
    return (*(turn for turn in alert.turns if at - turn < _DAY), at)


def _cooling(resolved_at: datetime | None, at: datetime, cooldown: timedelta) -> bool:
    return resolved_at is not None and at - resolved_at < cooldown
