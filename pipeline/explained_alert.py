"""Recomputes a stored alert from the stored news, as of its moments, and compares the numbers.

Used by the command line; what it looks like there lives in ``pipeline.cli.explain_alert``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alerts.messages import AlertData, AlertEvent
from alerts.types import Rule
from db.alerts import events_of, find_alert
from db.engine import Session
from db.rows import AlertRow, MentionRow, SeriesKey
from db.trends import models_of
from pipeline.rules import Rules
from pipeline.stages.archive import StoredArchive
from pipeline.stages.cells import Market, cell_start
from pipeline.stages.ranks import StoredRanks, with_threshold
from pipeline.stages.reading import Measured, measure_at

# As long before the window as people remember how a company was spoken of.
_BEFORE = timedelta(days=7)
_HOUR = timedelta(hours=1)
_DIGITS = 2  # as AlertData rounds


class NoSuchAlert(Exception):
    """No alert with that id is stored."""


@dataclass(frozen=True, slots=True)
class Tone:
    """How accounts speak of the series.

    Attributes:
        negative_share: In [0, 1]; None without accounts.
        mean_score: In [-1, 1]; None without accounts.
    """

    accounts: int
    negative_share: float | None
    mean_score: float | None

    @classmethod
    def of(cls, mentions: Sequence[MentionRow]) -> "Tone":
        """Return the tone of the mentions that are no copies."""
        scores = [mention.score for mention in mentions if mention.copy_of is None]
        negative = sum(m.copy_of is None and m.sentiment == "negative" for m in mentions)
        count = len(scores)
        if not count:
            return cls(0, None, None)
        return cls(count, negative / count, sum(scores) / count)


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
        rule_name: The rule that watches the series now; None if none does.
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

    Thresholds are not stored with an alert: those of the rules as they are now are told beside it.

    Args:
        session: An open session.
        alert_id: Which one.
        rules: As they are now.

    Returns:
        What was said and what is computed, event by event.

    Raises:
        NoSuchAlert: If none has that id.
    """
    alert = find_alert(session, alert_id)
    if alert is None:
        raise NoSuchAlert(f"no alert has the id {alert_id}; `GET /v1/alerts` lists them")
    scoped = rules.of(alert.scope)
    archive = StoredArchive(session)
    rule = scoped.rule if scoped else Rule()
    if scoped:
        start = cell_start(alert.fired_at)
        market = Market.before(start, archive)
        rule = with_threshold(scoped, rules, StoredRanks(session), market, cell_start=start)
    said = tuple(
        _compared(archive, alert.scope, AlertEvent.model_validate_json(event.body), rule)
        for event in events_of(session, alert_id)
    )
    window = said[0].event.data.window
    ended_at = alert.resolved_at or archive.end() or alert.updated_at

    def tone(since: datetime, until: datetime) -> Tone:
        return Tone.of(archive.mentions([alert.scope], since=since, until=until)[alert.scope])

    return Explained(
        alert,
        scoped.name if scoped else None,
        rule,
        said,
        before=tone(window.start - _BEFORE, window.start),
        during=tone(window.start, window.end),
        after=tone(window.end, ended_at),
        models=tuple(models_of(session, [m.item_id for m in said[0].measured.mentions])),
    )


def _compared(archive: StoredArchive, key: SeriesKey, event: AlertEvent, rule: Rule) -> Said:
    window = event.data.window
    measured = measure_at(archive, key, window.end, rule)
    then, now = _numbers(event.data), _recomputed(measured)
    differences = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    return Said(event, measured, differences)


def _numbers(alert: AlertData) -> dict[str, float]:
    return {
        "hours": (alert.window.end - alert.window.start) / _HOUR,
        "observed": alert.observed,
        "expected": alert.expected,
        "items": alert.items,
        "accounts": alert.accounts,
        "stories": alert.stories,
        "sources": alert.sources,
    }


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
    }
