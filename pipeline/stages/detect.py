"""Walk the series that changed through event time and store what becomes of their alerts.

Thresholds, statistics and the choice of evidence live in ``alerts``, what is read for a cell of
the grid in ``cells``; this stage brings it the rows and stores its answer. It is deterministic:
the same items give the same alerts however event time is cut into ticks, because one transaction
never goes beyond the next border of the fixed grid ``STEP`` and whatever is read as history hangs
on that grid, not on the tick. Where items came late, what is evaluated already is walked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from alerts.defaults import DEFAULTS
from alerts.types import Detector, SeriesState, Severity, TransitionKind
from alerts.walk import resume_at
from db.alert_rows import AlertEventRow, AlertRow
from db.alerts import find_alerts, save_alerts
from db.detect_states import detect_state, save_detect_state
from db.engine import Session
from db.locks import try_lock
from db.rows import ScopeKind, SeriesKey
from pipeline.rules import Rules
from pipeline.stages.alerting import DETECTOR, alert_id
from pipeline.stages.archive import Archive, StoredArchive
from pipeline.stages.cells import pieces
from pipeline.stages.ranks import RankStore, StoredRanks
from pipeline.stages.reasons import Found
from pipeline.stages.stretch import Stretch
from pipeline.stages.telling import Change, Teller
from pipeline.stages.walking import Walker, Watch

# News of yesterday still corrects what was said of yesterday.
MAX_LATE = timedelta(days=1)

_STATES = TypeAdapter(dict[str, SeriesState])


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
        alerts: Their last alerts.
        seen: ``Archive.snapshot`` from before the news was read.
    """

    until: datetime
    states: Mapping[Watch, SeriesState] = field(default_factory=dict)
    alerts: Mapping[Watch, AlertRow] = field(default_factory=dict)
    seen: int | None = None

    @classmethod
    def before(cls, oldest: datetime) -> "Reached":
        """Return the point before the first item."""
        return cls(oldest - timedelta(microseconds=1))


def tick(
    session: Session, *, watermark: datetime, rules: Rules, max_late: timedelta = MAX_LATE
) -> Step | None:
    """Evaluate the next stretch of event time, at most to ``watermark``; does not commit.

    To be called again, in a new transaction, until it returns None or reaches the watermark.

    Args:
        session: An open transaction: alerts, outbox and the point reached move together.
        watermark: Every item up to this event time is stored, but for what comes late.
        rules: Which series alert, and when.
        max_late: How far before what is evaluated a late item may lie and still correct it.

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
    reached = _unpack(session, saved) if saved else Reached.before(oldest)
    if watermark < reached.until:
        return None
    ranks = StoredRanks(session)
    reached, changes = advance(
        archive, ranks, reached, watermark=watermark, rules=rules, max_late=max_late
    )
    save_alerts(session, [(change.alert, change.event) for change in changes])
    save_detect_state(session, DETECTOR, reached.until, _pack(reached.states), reached.seen)
    return Step(reached.until, tuple(change.event for change in changes))


def advance(
    archive: Archive,
    ranks: RankStore,
    reached: Reached,
    *,
    watermark: datetime,
    rules: Rules,
    max_late: timedelta = MAX_LATE,
) -> tuple[Reached, list[Change]]:
    """Evaluate the next stretch of event time; stores nothing but ranks.

    Args:
        archive: The news.
        ranks: Of the days before; those of the stretch are added.
        reached: What the last call returned; at first ``Reached.before`` the oldest item.
        watermark: Nothing after it is looked at; not before ``reached.until``.
        rules: Which series alert, and when.
        max_late: As for ``tick``.

    Returns:
        The point reached, at most the watermark, and the changes in the order of event time.
    """
    states = {
        watch: _known(state, reached.alerts.get(watch)) for watch, state in reached.states.items()
    }
    seen = archive.snapshot()
    busy = [watch for watch, state in states.items() if state.open]
    stretch = Stretch(
        archive,
        rules,
        since=reached.until,
        watermark=watermark,
        seen=reached.seen,
        max_late=max_late,
    )
    until, changed = stretch.next(keep_small=bool(busy))
    starts = {
        watch: resume_at(
            states.get(watch, SeriesState()), since=reached.until, changed=changed.get(watch)
        )
        for watch in sorted({*changed, *busy})
    }
    found: list[Found] = []
    for since, end in pieces(min(starts.values(), default=until), until):
        walker = Walker(archive, ranks, rules, since, end)
        for given in walker.given([watch for watch, start in starts.items() if start < end]):
            before = states.get(given.watch, SeriesState())
            states[given.watch], of_series = walker.walk(given, before, since=starts[given.watch])
            found += of_series
        for detector, stood_out in walker.ranks.items():
            ranks.save(detector, stood_out)
    teller = Teller(archive, reached.alerts, sorted(found, key=_order))
    changes = teller.tell()
    states = _remembered(states, until, rules, max_late)
    alerts = {watch: alert for watch, alert in teller.alerts.items() if watch in states}
    return Reached(until, states, alerts, seen), changes


def _order(found: Found) -> tuple[object, ...]:
    """Sort by event time, so that receivers hear one story and not series by series.

    Of what happens at once, the ends are told first, then what stands out most: it is the one to
    speak for the others.
    """
    change = found.transition
    first = change.kind is not TransitionKind.RESOLVED
    urgent = change.severity is Severity.CRITICAL
    return change.reading.at, first, not urgent, -change.reading.rank, found.key


def _known(state: SeriesState, alert: AlertRow | None) -> SeriesState:
    """Return the state without an alert that someone deleted: there is nothing to move."""
    if alert is not None or not (state.open or state.closed):
        return state
    ended_at = state.open.fired_at if state.open else state.last_resolved_at
    return SeriesState(last_resolved_at=ended_at)


def _remembered(
    states: Mapping[Watch, SeriesState], until: datetime, rules: Rules, max_late: timedelta
) -> dict[Watch, SeriesState]:
    """Return the states without those that no longer matter, not even to what comes late."""

    def matters(watch: Watch, state: SeriesState) -> bool:
        scoped = rules.of(watch.key, watch.detector)
        rule = scoped.rule if scoped else DEFAULTS[watch.detector]
        resolved_at = state.last_resolved_at
        matters_for = max(rule.long_window + rule.cooldown, max_late)
        cooling = resolved_at and resolved_at > until - matters_for
        return bool(state.open or cooling)

    return {watch: state for watch, state in states.items() if matters(watch, state)}


def _unpack(session: Session, saved: Mapping[str, Any]) -> Reached:
    """Return the point reached, from what was saved and the alerts that it speaks of."""
    states = {
        _watch(text): state for text, state in _STATES.validate_python(saved["state"]).items()
    }
    ids = {
        alert_id(watch.detector, watch.key, last.fired_at): watch
        for watch, state in states.items()
        if (last := state.open or state.closed)
    }
    alerts = {ids[alert.id]: alert for alert in find_alerts(session, ids)} if ids else {}
    return Reached(saved["evaluated_until"], states, alerts, saved["seen"])


def _pack(states: Mapping[Watch, SeriesState]) -> dict[str, Any]:
    packed: dict[str, Any] = _STATES.dump_python(
        {f"{w.detector}:{w.key.kind}:{w.key.id}": state for w, state in states.items()},
        mode="json",
    )
    return packed


def _watch(text: str) -> Watch:
    detector, _, key = text.partition(":")
    if detector not in set(Detector):  # of a version that knew but one
        detector, key = Detector.NEGATIVE_SPIKE, text
    kind, _, scope_id = key.partition(":")
    return Watch(Detector(detector), SeriesKey(ScopeKind(kind), scope_id))
