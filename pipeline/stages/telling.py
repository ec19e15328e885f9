"""Make alerts and their events of what the walks found, in the order of event time.

Here series meet: news that another alert tells already is not told a second time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.grouping import told_by
from alerts.messages import Reasons, Tone
from alerts.types import Reading, Severity, TransitionKind
from db.alert_rows import AlertEventRow, AlertRow
from db.rows import AccountScores, MentionRow, ScopeKind
from pipeline.stages.alerting import graver, moved, said_of, speaks_for
from pipeline.stages.archive import Archive
from pipeline.stages.reasons import Found, accounts_of, tone_of
from pipeline.stages.walking import Watch

# As long before the window as people remember how a company was spoken of.
BEFORE = timedelta(days=7)
# An alert of a version that did not store it is about what was told so long before it fired.
_LONG_WINDOW = timedelta(hours=12)
# A company says more of what happened than a topic, and a topic more than the market.
_KINDS = [ScopeKind.ENTITY, ScopeKind.TOPIC, ScopeKind.MARKET]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to an alert.

    Attributes:
        alert: As it stands afterwards.
        event: What receivers are told.
        reading: What the detector measured on the series that changed.
    """

    alert: AlertRow
    event: AlertEventRow
    reading: Reading


class Teller:
    """Moves the alerts by what was found in one stretch; stores nothing.

    Attributes:
        alerts: The last alert of each series, as it stands.

    Args:
        archive: The news.
        alerts: As they stood before the stretch.
        found: In the order of event time.
    """

    def __init__(
        self, archive: Archive, alerts: Mapping[Watch, AlertRow], found: Sequence[Found]
    ) -> None:
        self.alerts = dict(alerts)
        self._archive = archive
        self._found = found
        self._models = archive.models([row.item_id for one in found for row in one.inside])
        self._before = _weeks_before(archive, found)
        self._tellers: defaultdict[str, set[Watch]] = defaultdict(set)
        self._told: defaultdict[Watch, dict[str, datetime]] = defaultdict(dict)
        self._ends = {
            (Watch(one.rule.detector, one.key), one.transition.reading.at)
            for one in found
            if one.transition.kind is TransitionKind.RESOLVED
        }
        if found:
            self._index_firing()

    def tell(self) -> list[Change]:
        """Return every change, in the order of event time."""
        return [change for one in self._found for change in self._move(one)]

    def _move(self, found: Found) -> list[Change]:
        """Move the alert of one series, and the one that speaks for it."""
        watch = Watch(found.rule.detector, found.key)
        reading, kind = found.transition.reading, found.transition.kind
        last = self.alerts.get(watch)
        fired = kind is TransitionKind.FIRED
        tone = self._before[watch, reading.at] if fired or last is None else _tone_before(last)
        models = sorted({self._models[row.item_id] for row in found.inside})
        alert = moved(last, found, before=tone, models=models)
        self.alerts[watch] = alert
        self._index(watch, found.rows)
        if kind is TransitionKind.RESOLVED:
            return [Change(alert, said_of(alert, kind), reading), *self._leave(alert, reading)]
        # One that was told alone goes on alone; one that was not is told if it has become worse.
        grouped = fired or alert.suppressed_by is not None
        changes = self._group(watch, reading) if grouped else []
        alert = self.alerts[watch]
        return [*changes, Change(alert, said_of(alert, kind), reading)]

    def _group(self, watch: Watch, reading: Reading) -> list[Change]:
        """Let another alert speak for this one if it tells the same news; return what it says."""
        leader = self._leader(watch, reading.at)
        alert = self.alerts[watch]
        alert = replace(alert, suppressed_by=self.alerts[leader].id if leader else None)
        self.alerts[watch] = alert
        return self._speak_for(leader, alert, reading)

    def _leave(self, ended: AlertRow, reading: Reading) -> list[Change]:
        """Decide anew who tells the news that an alert told which has ended, if it goes on.

        The gravest of those that it spoke for comes first, then the oldest: it speaks for the
        others whose news it tells. What ends at the same moment has nothing left to tell.
        """
        left = [
            watch
            for watch, alert in self.alerts.items()
            if alert.suppressed_by == ended.id
            and alert.state == "firing"
            and (watch, reading.at) not in self._ends
        ]
        left.sort(key=lambda one: (not self._is_critical(one), self.alerts[one].fired_at, one))
        changes: list[Change] = []
        for watch in left:
            before = self.alerts[watch]
            updated_at = max(reading.at, before.updated_at)
            self.alerts[watch] = replace(
                before, revision=before.revision + 1, updated_at=updated_at
            )
            changes += self._group(watch, reading)
            alert = self.alerts[watch]
            changes.append(Change(alert, said_of(alert, TransitionKind.UPDATED), reading))
        return changes

    def _is_critical(self, watch: Watch) -> bool:
        return self.alerts[watch].severity == Severity.CRITICAL

    def _leader(self, watch: Watch, at: datetime) -> Watch | None:
        """Return the firing alert that tells the same news already: that of its last window.

        A peer, or what another detector told of the same series, takes over the severity; a wider
        alert must be as severe.
        """
        alert = self.alerts[watch]
        start, end = max(alert.window_start, at - BEFORE), alert.window_end
        own = self._told_in(watch, start, end)
        firing = {
            other
            for item_id in own
            for other in self._tellers[item_id]
            if other != watch
            and self.alerts[other].state == "firing"
            and self.alerts[other].suppressed_by is None
        }
        told = {
            other: self._told_in(other, start, end)
            for other in sorted(
                firing,
                key=lambda one: (_KINDS.index(one.key.kind), self.alerts[one].fired_at, one),
            )
        }
        own_key = {one for one in told if one.key == watch.key}
        peers = {one for one in told if one.key.kind == watch.key.kind} - own_key
        severe = {one for one in told if not graver(alert.severity, self.alerts[one].severity)}
        return told_by(
            own,
            peers={one: ids for one, ids in told.items() if one in peers},
            wider={one: ids for one, ids in told.items() if one in own_key | (severe - peers)},
        )

    def _told_in(self, watch: Watch, start: datetime, end: datetime) -> set[str]:
        """Return the accounts that an alert tells, of ``(start, end]``."""
        return {item_id for item_id, at in self._told[watch].items() if start < at <= end}

    def _speak_for(self, leader: Watch | None, alert: AlertRow, reading: Reading) -> list[Change]:
        """Let the leader say that it is about this alert's series too, unless it has said so."""
        if leader is None:
            return []
        before = self.alerts[leader]
        known = {before.scope.id, *(one["id"] for one in before.related)}
        if alert.scope.id in known and not graver(alert.severity, before.severity):
            return []
        spoken = speaks_for(before, alert, at=reading.at)
        self.alerts[leader] = spoken
        return [Change(spoken, said_of(spoken, TransitionKind.UPDATED), reading)]

    def _index_firing(self) -> None:
        """Note which accounts the alerts tell that fired before the stretch."""
        firing = [watch for watch, alert in self.alerts.items() if alert.state == "firing"]
        if not firing:
            return
        moments = [one.transition.reading.at for one in self._found]
        # Compared are the windows of alerts that move, and of those that another one speaks for.
        starts = [_window_start(one) for one in self._found]
        starts += [
            alert.window_start
            for watch in firing
            if (alert := self.alerts[watch]).suppressed_by is not None
        ]
        begun = min(_since(self.alerts[watch]) for watch in firing)
        rows = self._archive.mentions(
            sorted({watch.key for watch in firing}),
            since=max(begun, min(starts), min(moments) - BEFORE),
            until=max(moments),
        )
        for watch in firing:
            self._index(watch, rows[watch.key])

    def _index(self, watch: Watch, rows: Sequence[MentionRow]) -> None:
        since = _since(self.alerts[watch])
        for row in accounts_of(rows, any_tone=watch.detector.any_tone):
            if row.published_at > since:
                self._tellers[row.item_id].add(watch)
                self._told[watch][row.item_id] = row.published_at


def _weeks_before(archive: Archive, found: Sequence[Found]) -> dict[tuple[Watch, object], Tone]:
    """Return the tone of the week before the window of each firing."""
    fired = [one for one in found if one.transition.kind is not TransitionKind.RESOLVED]
    tones: dict[tuple[Watch, object], Tone] = {}
    for one in fired:
        start = _window_start(one)
        told = archive.scores(one.key, since=start - BEFORE, until=start)
        tones[Watch(one.rule.detector, one.key), one.transition.reading.at] = tone_of(told)
    return tones


def _window_start(found: Found) -> datetime:
    return found.transition.reading.at - found.transition.reading.window


def _tone_before(alert: AlertRow) -> Tone:
    if alert.reasons is None:  # of a version that did not store it
        return tone_of(AccountScores(0, ()))
    return Reasons.model_validate(alert.reasons).before


def _since(alert: AlertRow) -> datetime:
    if alert.reasons is None:
        return alert.fired_at - _LONG_WINDOW
    return Reasons.model_validate(alert.reasons).since
