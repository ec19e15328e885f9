"""Recomputes a stored alert from the stored news, as of its moments, and compares the numbers.

Used by the command line; what it looks like there lives in ``pipeline.cli.explain_alert``.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from alerts.defaults import DEFAULTS
from alerts.messages import AlertData, AlertEvent, Reasons, Tone
from alerts.negative_spike import upper_tail
from alerts.types import Detector, Rule
from db.alert_events import alert_history
from db.alert_rows import AlertRow
from db.alerts import find_alerts
from db.engine import Session
from db.rows import SeriesKey
from db.trends import models_of
from pipeline.rules import Rules, ScopedRule
from pipeline.stages.archive import StoredArchive
from pipeline.stages.cells import Market, cell_start
from pipeline.stages.ranks import StoredRanks, with_threshold
from pipeline.stages.reading import Measured, measure_at
from pipeline.stages.reasons import tone_of
from pipeline.stages.telling import BEFORE

_HOUR = timedelta(hours=1)
_DIGITS = 2  # as AlertData rounds


class NoSuchAlert(Exception):
    """No alert with that id is stored."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event of an alert with what is computed for its moment now.

    Attributes:
        differences: What was said and what is computed, for each number that is not the same.
    """

    event: AlertEvent
    measured: Measured
    differences: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Explained:
    """A stored alert, recomputed.

    Attributes:
        rule_name: The rule that decided; None where it is not stored and none watches the series.
        before: In the week before the window of the firing.
        during: In that window.
        after: From the firing to the alert's end, or to the newest item.
        models: Versions of the classifier that told the tone in that window.
    """

    alert: AlertRow
    rule_name: str | None
    rule: Rule
    said: tuple[Said, ...]
    before: Tone
    during: Tone
    after: Tone
    models: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every number of every event is what is computed now."""
        return not any(said.differences for said in self.said)


def explain_alert(session: Session, alert_id: UUID, rules: Rules) -> Explained:
    """Recompute an alert from what is stored; stores nothing.

    Args:
        session: An open session.
        alert_id: Which one.
        rules: As they are now: windows are taken from there, and thresholds where an alert of an
            older version did not store them.

    Returns:
        What was said and what is computed, event by event.

    Raises:
        NoSuchAlert: If none has that id.
    """
    found = find_alerts(session, [alert_id])
    if not found:
        raise NoSuchAlert(f"no alert has the id {alert_id}; `GET /v1/alerts` lists them")
    alert = found[0]
    scoped = rules.of(alert.scope, Detector(alert.detector))
    archive = StoredArchive(session)
    rule = _rule(alert, scoped, rules, session)
    said = tuple(
        _compared(archive, alert.scope, AlertEvent.model_validate_json(event.body), rule)
        for event in alert_history(session, alert_id)
    )
    window = said[0].event.data.window
    ids = [mention.item_id for mention in said[0].measured.mentions]
    ended_at = alert.resolved_at or archive.end() or alert.updated_at

    def tone(since: datetime, until: datetime) -> Tone:
        return tone_of(archive.scores(alert.scope, since=since, until=until))

    return Explained(
        alert,
        alert.rule or (scoped.name if scoped else None),
        rule,
        said,
        before=tone(window.start - BEFORE, window.start),
        during=tone(window.start, window.end),
        after=tone(window.end, ended_at),
        models=tuple(sorted(set(models_of(session, ids).values()))),
    )


def _rule(alert: AlertRow, scoped: ScopedRule | None, rules: Rules, session: Session) -> Rule:
    """Return the rule with the threshold that was asked for when the alert fired."""
    rule = scoped.rule if scoped else DEFAULTS[Detector(alert.detector)]
    if alert.reasons:
        return replace(rule, threshold=Reasons.model_validate(alert.reasons).threshold)
    if scoped is None:
        return rule
    start = cell_start(alert.fired_at)
    market = Market.before(start, StoredArchive(session))
    return with_threshold(scoped, rules, StoredRanks(session), market, cell_start=start)


def _compared(archive: StoredArchive, key: SeriesKey, event: AlertEvent, rule: Rule) -> Said:
    window = event.data.window
    measured = measure_at(archive, key, window.end, rule)
    then, now = _numbers(event.data), _recomputed(measured)
    differences = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    return Said(event, measured, differences)


def _numbers(alert: AlertData) -> dict[str, float]:
    numbers = {
        "hours": (alert.window.end - alert.window.start) / _HOUR,
        "observed": alert.observed,
        "expected": alert.expected,
        "items": alert.items,
        "accounts": alert.accounts,
        "stories": alert.stories,
        "sources": alert.sources,
    }
    if (reasons := alert.reasons) is not None:
        numbers |= {
            "volume score": reasons.z_volume,
            "share score": reasons.z_share,
            "p-value": reasons.p_value,
            "negative accounts": reasons.negative,
            "usual share": reasons.usual_share,
        }
    return numbers


def _recomputed(measured: Measured) -> dict[str, float]:
    reading = measured.reading
    return {
        "hours": reading.window / _HOUR,
        "observed": round(reading.observed, _DIGITS),
        "expected": round(reading.expected, _DIGITS),
        "items": reading.items,
        "accounts": reading.accounts,
        "stories": reading.stories,
        "sources": reading.sources,
        "volume score": reading.z_volume,
        "share score": reading.z_share,
        "p-value": upper_tail(reading.z_volume),
        "negative accounts": reading.negative,
        "usual share": reading.usual_share,
    }
