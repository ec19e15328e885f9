"""Move the alert state of one series through event time.

Deterministic, and the same however the way is cut: walking ``(a, c]`` gives what walking
``(a, b]`` and then ``(b, c]`` gives, so the tick of whoever calls does not show in the alerts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from alerts.negative_spike import measure, severity_of
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
    Walk,
)

# An open alert is looked at this often even without news, so that it can resolve; the length of
# a trend bucket.
_GRID_US = 5 * 60 * 1_000_000


def walk(
    mentions: Sequence[Mention],
    hours: Sequence[Hour],
    *,
    state: SeriesState,
    since: datetime,
    until: datetime,
    revisit_since: datetime,
    archive_start: datetime,
    parent_share: float,
    rule: Rule,
    profile: Profile = FLAT,
) -> Walk:
    """Walk one series through ``(since, until]``.

    An alert fires at the event time of a negative account, never because time passed. While it
    is open, every account and every border of 5 minutes is a step at which it may become
    critical or resolve.

    An account that came late lies before ``since``. So the last negative account up to there is
    a step too: where nothing came late it was one before, and says the same again.

    Args:
        mentions: Those of ``(revisit_since - rule.long_window, until]``, in any order, with
            copies.
        hours: History from ``series.HISTORY`` and an hour before the first window.
        state: The state at ``since``.
        since: Exclusive, aware.
        until: Inclusive, aware.
        revisit_since: How far before ``since`` late accounts are looked for; not after it.
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
    start = to_us(since)
    at = _next_step(series, start, is_open=state.open is not None)
    last = series.last_negative(start)
    if state.open is None and last is not None and last > to_us(revisit_since):
        at = last
    ranks: dict[date, float] = {}
    while at is not None and at <= end:
        measured = measure(series, at, rule)
        if measured.rank > 0:
            day = measured.at.date()
            ranks[day] = max(measured.rank, ranks.get(day, 0.0))
        state, change = _advance(state, measured, rule)
        if change is not None:
            reading = change.reading
            reading = replace(reading, stories=series.stories(at, reading.window))
            transitions.append(replace(change, reading=reading))
        at = _next_step(series, at, is_open=state.open is not None)
    return Walk(state, tuple(transitions), ranks)


def _next_step(series: Series, after: int, *, is_open: bool) -> int | None:
    if not is_open:
        return series.next_negative(after)
    border = (after // _GRID_US + 1) * _GRID_US
    account = series.next_account(after)
    return border if account is None else min(account, border)


def _advance(
    state: SeriesState, reading: Reading, rule: Rule
) -> tuple[SeriesState, Transition | None]:
    """Return the state after one reading, and the change if there was one."""
    if state.open is not None:
        return _advance_open(state, state.open, reading, rule)
    if not reading.fires or _cooling(state.last_resolved_at, reading.at, rule.cooldown):
        return state, None
    severity = severity_of(reading, rule)
    opened = OpenAlert(reading.at, severity, reading.observed)
    fired = Transition(TransitionKind.FIRED, reading.at, severity, reading)
    return replace(state, open=opened), fired


def _advance_open(
    state: SeriesState, alert: OpenAlert, reading: Reading, rule: Rule
) -> tuple[SeriesState, Transition | None]:
    quiet_since = (alert.quiet_since or reading.at) if reading.clears else None
    if quiet_since is not None and reading.at - quiet_since >= rule.clear_for:
        resolved = Transition(TransitionKind.RESOLVED, alert.fired_at, alert.severity, reading)
        return SeriesState(last_resolved_at=reading.at), resolved

    worse = alert.severity is Severity.WARNING and severity_of(reading, rule) is Severity.CRITICAL
    severity = Severity.CRITICAL if worse else alert.severity
    alert = OpenAlert(
        alert.fired_at, severity, max(alert.peak_observed, reading.observed), quiet_since
    )
    updated = Transition(TransitionKind.UPDATED, alert.fired_at, severity, reading)
    return replace(state, open=alert), updated if worse else None


def _cooling(resolved_at: datetime | None, at: datetime, cooldown: timedelta) -> bool:
    return resolved_at is not None and at - resolved_at < cooldown
