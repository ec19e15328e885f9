"""Backtests on items in memory: differences, crises, and nothing from the future."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.defaults import DEFAULTS
from alerts.messages import AlertEvent
from alerts.types import Detector, Rule
from db.rows import ItemRow, ScopeKind, SeriesKey
from db.tone import Tone
from pipeline.backtest.memory_archive import MemoryArchive
from pipeline.backtest.run import Fired, alerts_of, backtest, compare
from pipeline.backtest.truth import TruthError, judge, read_truth
from pipeline.rules import Rules, ScopedRule
from tests.integration.crises import END, START, archive

ALL = {ScopeKind.ENTITY: None}
LAX, STRICT = Rule(min_negative=2, min_z_volume=2), Rule(min_negative=14)
ACME = SeriesKey(ScopeKind.ENTITY, "x:acme")


def alerts(rule: Rule, rows: Sequence[ItemRow] | None = None, until: datetime = END) -> list[Fired]:
    rules = Rules((ScopedRule("all", ALL, rule),))
    return alerts_of(backtest(MemoryArchive(rows or archive()), rules, until=until))


def test_what_comes_later_changes_no_earlier_alert() -> None:
    whole = [c.event for alert in alerts(Rule()) for c in alert.changes]
    end = START + timedelta(days=4)
    past = [row for row in archive() if row.published_at <= end]

    known = [c.event for alert in alerts(Rule(), past, end) for c in alert.changes]

    assert known
    assert known == [event for event in whole if event.at <= end]


def test_no_news_gives_no_alerts() -> None:
    rules = Rules((ScopedRule("all", ALL, Rule()),))

    assert backtest(MemoryArchive([]), rules, until=END) == []


def test_progress_reaches_the_end() -> None:
    told: list[datetime] = []

    backtest(
        MemoryArchive(archive()),
        Rules((ScopedRule("all", ALL, Rule()),)),
        until=END,
        on_progress=told.append,
    )

    assert told == sorted(set(told))
    assert told[-1] == END


def test_the_same_rules_differ_in_nothing() -> None:
    found = alerts(Rule())

    difference = compare(found, alerts(Rule()), until=END)

    assert difference.only_first == difference.only_second == ()
    assert [one.last.id for one, _ in difference.both] == [alert.last.id for alert in found]


def test_a_difference_has_each_alert_of_both_once() -> None:
    first, second = alerts(STRICT), alerts(LAX)

    found = compare(first, second, until=END)

    assert found.only_second
    assert len(found.both) + len(found.only_first) == len(first)
    assert len(found.both) + len(found.only_second) == len(second)
    assert all(one.scope == other.scope for one, other in found.both)


def test_crises_are_caught_by_name_or_id_and_what_else_fires_is_false(tmp_path: Path) -> None:
    found = alerts(Rule())
    path = tmp_path / "truth.csv"
    start = START + timedelta(days=2.5)
    path.write_text(
        "entity,start,end\n"
        f"ACME,{start.isoformat()},{(start + timedelta(days=1)).isoformat()}\n"
        f"x:cedar,{start.isoformat()},{END.isoformat()}\n",
        "utf-8",
    )

    verdict = judge(found, read_truth(path), names={ACME: "Acme"}, days=10)

    [(_, caught), (_, missed)] = verdict.caught
    assert caught is not None
    assert missed is None
    assert verdict.recall == 0.5
    assert verdict.median_delay == caught.last.fired_at - start
    assert [alert.scope.id for alert in verdict.false] == ["x:birch"]
    assert verdict.false_per_100_series_days == 10


def test_crises_are_read_from_json_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"entity": "a", "start": "2023-03-09T20:00Z", "end": "2023-03-10T00:00Z"}\n')

    [crisis] = read_truth(path)

    assert crisis.start == datetime(2023, 3, 9, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("entity,start,end\n", "lists no crisis"),
        ("entity,start\na,2023-03-09T20:00Z\n", "truth.csv:2: end"),
        ("entity,start,end\na,yesterday,2023-03-09T20:00Z\n", "truth.csv:2: start"),
        ("entity,start,end\na,2023-03-09T20:00,2023-03-10T20:00Z\n", "has no UTC offset"),
        ("entity,start,end\na,2023-03-09T20:00Z,2023-03-09T20:00Z\n", "ends before it starts"),
    ],
)
def test_crises_that_cannot_be_read_are_told_by_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text, "utf-8")

    with pytest.raises(TruthError, match=problem):
        read_truth(path)


def test_alerts_of_two_detectors_on_one_company_are_not_compared() -> None:
    surge = DEFAULTS[Detector.ATTENTION_SURGE]
    lax = replace(surge, min_negative=3, min_sources=2, min_z_volume=2.0)
    spikes, surges = alerts(Rule()), alerts(lax)
    assert {alert.scope for alert in spikes} & {alert.scope for alert in surges}

    found = compare(spikes, surges, until=END)

    assert found.both == ()
    assert len(found.only_first) == len(spikes)
    assert len(found.only_second) == len(surges)


def test_an_attention_surge_of_good_news_has_evidence_and_stories() -> None:
    lax = replace(DEFAULTS[Detector.ATTENTION_SURGE], min_negative=3, min_sources=2, min_z_volume=2)
    good = [replace(row, tone=Tone(0.0, 0.1, 0.9)) for row in archive()]

    found = alerts(lax, good)

    assert found
    for alert in found:
        assert alert.changes[0].alert.evidence
        data = AlertEvent.model_validate_json(alert.first.event.body).data
        assert data.reasons is not None
        assert data.reasons.stories
