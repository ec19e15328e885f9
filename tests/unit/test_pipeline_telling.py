"""Alerts of several series: one story is told once, in a backtest of items held in memory."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.rows import ItemRow
from pipeline.backtest.memory_archive import MemoryArchive
from pipeline.backtest.run import MemoryRanks, alerts_of, backtest
from pipeline.rules import Rules, load_rules
from pipeline.stages.detect import Reached, advance
from tests.unit.invented_news import CRISIS, JET, NEGATIVE, NEUTRAL, OTHER, QUIET, SPIRIT, item


def run(
    rows: list[ItemRow], rules: Rules | None = None, *, hours: float = 8
) -> list[dict[str, Any]]:
    """Return what was said in so many hours from the crisis on, by event time."""
    rows = sorted([*QUIET, *rows], key=lambda row: row.published_at)
    archive = MemoryArchive(rows)
    changes = backtest(archive, rules or load_rules(), until=CRISIS + timedelta(hours=hours))
    assert alerts_of(changes)
    return [json.loads(change.event.body) for change in changes]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return kind, id and whether somebody is sent it."""
    return [
        (e["type"].removeprefix("alert."), e["data"]["scope"]["id"], not e["data"]["suppressed_by"])
        for e in events
    ]


def test_one_story_about_two_companies_is_one_alert_that_names_the_other() -> None:
    events = run([item(minute, JET, SPIRIT) for minute in (0, 10, 20)])

    assert told(events) == [
        ("fired", "x:jet", True),
        ("updated", "x:jet", True),
        ("fired", "x:spirit", False),
    ]
    assert events[1]["data"]["related"] == [{"kind": "entity", "id": "x:spirit", "name": "Spirit"}]
    assert events[2]["data"]["suppressed_by"] == events[0]["data"]["id"]
    assert events[1]["data"]["window"] == events[0]["data"]["window"]


def test_two_companies_with_news_of_their_own_are_two_alerts() -> None:
    rows = [item(minute, JET) for minute in (0, 10, 20)]
    rows += [item(minute, SPIRIT) for minute in (21, 22, 23)]
    rows += [item(24, JET, SPIRIT)]

    events = run(rows)

    assert told(events) == [("fired", "x:jet", True), ("fired", "x:spirit", True)]


def test_a_member_whose_own_news_becomes_worse_is_told_after_all() -> None:
    rows = [item(minute, JET, SPIRIT) for minute in (0, 10, 20)]
    rows += [item(30 + minute, SPIRIT) for minute in range(12)]

    events = run(rows)

    assert told(events)[2:] == [("fired", "x:spirit", False), ("updated", "x:spirit", True)]
    assert events[-1]["data"]["severity"] == "critical"


def test_a_story_of_two_that_becomes_worse_is_told_by_the_one_alert() -> None:
    rows = [item(minute, JET, SPIRIT) for minute in (0, 10, 20)]
    # Only Jet is written about otherwise, so that more is asked of it.
    rows += [item(-600 * n, JET) for n in range(2, 12)]
    rows += [item(30 + minute, JET, SPIRIT) for minute in range(7)]

    events = run(rows)

    assert {scope for _, scope, is_sent in told(events) if is_sent} == {"x:spirit"}
    assert [e["data"]["severity"] for e in events if not e["data"]["suppressed_by"]][
        -1
    ] == "critical"


def test_who_is_left_when_the_alert_that_spoke_for_it_ends_is_told_itself() -> None:
    rows = [item(minute, JET, SPIRIT) for minute in (0, 10, 20)]

    events = run([*rows, item(400, SPIRIT)], hours=24)

    assert told(events)[2:] == [
        ("fired", "x:spirit", False),
        ("resolved", "x:jet", True),
        ("updated", "x:spirit", True),
        ("resolved", "x:spirit", True),
    ]
    assert events[4]["timestamp"] == events[3]["timestamp"]


def test_of_several_that_are_left_one_speaks_for_those_whose_news_it_tells() -> None:
    rows = [item(minute, JET, SPIRIT, OTHER) for minute in (0, 10, 20)]

    events = run([*rows, item(400, SPIRIT, OTHER)], hours=13)

    assert told(events)[-4:] == [
        ("resolved", "x:jet", True),
        ("updated", "x:other", True),
        ("updated", "x:other", True),
        ("updated", "x:spirit", False),
    ]
    assert events[-2]["data"]["related"] == [{"kind": "entity", "id": "x:spirit", "name": "Spirit"}]


def test_what_ends_with_the_alert_that_spoke_for_it_is_told_by_nobody() -> None:
    events = run([item(minute, JET, SPIRIT) for minute in (0, 10, 20)], hours=24)

    assert told(events)[3:] == [("resolved", "x:jet", True), ("resolved", "x:spirit", False)]


def test_a_company_named_beside_the_crisis_of_another_one_keeps_its_own_alert() -> None:
    crisis = [item(7 * n, SPIRIT, source=f"crisis {n}") for n in range(12)]
    beside = [item(90 + n, JET, SPIRIT) for n in range(3)]

    events = run([*crisis, *beside])

    assert ("fired", "x:jet", True) in told(events)


def test_the_alert_of_a_topic_speaks_for_its_members(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        """
        [[rules]]
        name = "companies"
        entities = "all"
        [[rules]]
        name = "sector"
        topics = ["mergers"]
        """,
        "utf-8",
    )
    rows = [item(0, OTHER), *(item(minute) for minute in (1, 2, 3))]
    rows += [item(minute, OTHER) for minute in (5, 6)]

    events = run(rows, load_rules(file))

    sent = [(kind, scope) for kind, scope, is_sent in told(events) if is_sent]
    assert ("fired", "mergers") in sent
    assert "x:other" not in {scope for _, scope in sent}
    assert ("fired", "x:other", False) in told(events)


def test_two_detectors_that_find_the_same_news_of_a_company_tell_it_once(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(ALL_DETECTORS, "utf-8")

    events = run([item(minute, JET) for minute in (0, 10, 20, 30, 40)], load_rules(file))

    fired = [e["data"] for e in events if e["type"] == "alert.fired"]
    assert {data["detector"] for data in fired if data["scope"]["id"] == "x:jet"} == {
        "negative_spike",
        "attention_surge",
    }
    assert [data["detector"] for data in fired if not data["suppressed_by"]] == ["negative_spike"]
    assert "x:jet" not in {one["id"] for e in events for one in e["data"]["related"]}


ALL_DETECTORS = """
    [[rules]]
    name = "spikes"
    entities = "all"
    topics = "all"
    [[rules]]
    name = "surges"
    detector = "attention_surge"
    entities = "all"
    market = true
    min_negative = 4
    [[rules]]
    name = "shifts"
    detector = "tone_shift"
    topics = "all"
    market = true
    [[rules]]
    name = "burns"
    detector = "slow_burn"
    entities = "all"
    min_z_volume = 2
    min_z_share = 1
"""


@pytest.mark.parametrize("seed", range(3))
def test_the_same_is_told_by_all_detectors_however_event_time_is_cut(
    tmp_path: Path, seed: int
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(ALL_DETECTORS, "utf-8")
    rules = load_rules(file)
    chance = random.Random(seed)  # noqa: S311  # a test
    rows = list(QUIET)
    for minute in range(0, 1500, 7):
        companies = chance.choice([(JET,), (SPIRIT,), (JET, SPIRIT), (OTHER,)])
        bad = chance.random() < (0.9 if 200 < minute < 700 else 0.2)
        rows.append(item(minute, *companies, tone=NEGATIVE if bad else NEUTRAL))
    archive = MemoryArchive(sorted(rows, key=lambda row: row.published_at))
    end = CRISIS + timedelta(hours=40)
    whole = [change.event for change in backtest(archive, rules, until=end)]

    reached, ranks = Reached.before(QUIET[-1].published_at), MemoryRanks()
    pieces = []
    watermark = reached.until
    while reached.until < end:
        watermark = min(watermark + timedelta(minutes=chance.choice([1, 7, 60, 500])), end)
        while reached.until < watermark:
            reached, changes = advance(archive, ranks, reached, watermark=watermark, rules=rules)
            pieces += [change.event for change in changes]

    detectors = {json.loads(event.body)["data"]["detector"] for event in whole}
    assert len(detectors) >= 3
    assert any(json.loads(event.body)["data"]["suppressed_by"] for event in whole)
    assert pieces == whole
