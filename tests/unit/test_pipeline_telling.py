"""Alerts of several series: one story is told once, in a backtest of items held in memory."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from db.rows import EntityRow, ItemRow
from db.tone import Tone
from pipeline.backtest.run import alerts_of, backtest
from pipeline.rules import Rules, load_rules
from pipeline.stages.archive import MemoryArchive

START = datetime(2023, 3, 1, tzinfo=UTC)
CRISIS = START + timedelta(days=4, hours=9)
JET, SPIRIT, OTHER = (EntityRow(f"x:{name}", name.title()) for name in ("jet", "spirit", "other"))
NEGATIVE, NEUTRAL = Tone(0.8, 0.1, 0.1), Tone(0.1, 0.8, 0.1)


def item(
    minute: float, *companies: EntityRow, tone: Tone = NEGATIVE, topic: str = "mergers"
) -> ItemRow:
    at = CRISIS + timedelta(minutes=minute)
    name = f"{minute} {' '.join(company.id for company in companies)} {tone}"
    return ItemRow(
        id=name,
        published_at=at,
        title=name,
        body="",
        source=f"source {minute}",
        url=None,
        language="en",
        text_hash=name,
        tone=tone,
        model="v1",
        topics=((topic, 0.9),),
        entities=companies,
    )


QUIET = [item(-60 * hour, tone=NEUTRAL, topic="macro") for hour in range(1, 100)]


def run(rows: list[ItemRow], rules: Rules | None = None) -> list[dict[str, Any]]:
    """Return what was said, by event time."""
    rows = sorted([*QUIET, *rows], key=lambda row: row.published_at)
    archive = MemoryArchive(rows)
    changes = backtest(archive, rules or load_rules(), until=CRISIS + timedelta(hours=8))
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
