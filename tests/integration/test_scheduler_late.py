"""News that comes late and out of order: what is said of it, live and in a backtest."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from db.alert_rows import AlertEventRow
from db.engine import Engine, transaction
from db.rows import EntityRow, ItemRow
from pipeline.backtest.memory_archive import MemoryArchive
from pipeline.backtest.run import backtest
from pipeline.stages import detect
from tests.integration.crises import END, RULES, START, archive, evaluate, said, store
from tests.integration.samples import item

pytestmark = pytest.mark.integration

ACME = EntityRow("x:acme", "Acme")
HOUR = timedelta(hours=1)
# The grid of event time has a border at noon.
NOON = START.replace(hour=12, minute=0, second=0) + timedelta(days=3)
CALM = [item("old", at=START, entities=()), item("before", at=NOON - 4 * HOUR, entities=())]


def told(minute: float, source: str) -> ItemRow:
    """Return a negative account of Acme, so many minutes after noon."""
    name = f"{source} {minute}"
    return item(name, at=NOON + timedelta(minutes=minute), source=source, entities=(ACME,))


def ideal(rows: Sequence[ItemRow], until: datetime) -> list[AlertEventRow]:
    """Return what a backtest says of the items, in the order in which they came."""
    changes = backtest(MemoryArchive(rows), RULES, until=until)
    return [change.event for change in changes]


@pytest.mark.parametrize("shift", [0, -20, -120], ids=["after", "across", "before"])
def test_a_slow_source_completes_an_alert_as_of_the_time_of_its_window(
    engine: Engine, shift: int
) -> None:
    fast = [told(10 + shift, "wire"), told(35 + shift, "daily"), told(300 + shift, "wire")]
    slow = [told(30 + shift, "courier"), told(15 + shift, "gazette")]
    in_order = [*CALM, *fast[:2]]
    store(engine, in_order)
    evaluate(engine, NOON + timedelta(minutes=95 + shift))
    assert said(engine) == []

    store(engine, slow)
    evaluate(engine, NOON + timedelta(minutes=96 + shift))

    [fired] = said(engine)
    assert fired.type == "alert.fired"
    assert slow[0].published_at <= fired.at <= fast[1].published_at
    store(engine, fast[2:])
    until = NOON + 24 * HOUR
    evaluate(engine, until)
    assert said(engine) == ideal([*in_order, *slow, *fast[2:]], until)


def test_nothing_waits_for_a_source_that_is_an_hour_behind(engine: Engine) -> None:
    store(engine, [*CALM, *(told(-60 - n, "gazette") for n in range(2))])
    fast = [told(n, name) for n, name in enumerate(("wire", "daily", "post"))]
    store(engine, fast)

    evaluate(engine, fast[-1].published_at)

    assert [event.at for event in said(engine)] == [fast[0].published_at]


def test_late_news_raises_the_severity_as_of_its_own_time(engine: Engine) -> None:
    in_order = [*CALM, told(0, "wire"), told(5, "daily"), told(10, "post")]
    store(engine, in_order)
    evaluate(engine, NOON + HOUR)
    late = [told(20 + n, f"late {n}") for n in range(6)]
    random.Random(1).shuffle(late)  # noqa: S311  # a test

    for one in late:
        store(engine, [one])
        evaluate(engine, NOON + HOUR)

    fired, updated = said(engine)
    assert (fired.at, fired.type) == (NOON + timedelta(minutes=10), "alert.fired")
    assert updated.at == NOON + timedelta(minutes=25)
    assert json.loads(updated.body)["data"]["severity"] == "critical"
    assert said(engine) == ideal([*in_order, *late], NOON + HOUR)


@pytest.mark.parametrize("hours", [20, 30])
def test_an_item_later_than_the_bound_is_counted_and_reopens_nothing(
    engine: Engine, hours: int
) -> None:
    store(engine, [*CALM, told(0, "wire"), told(5, "daily")])
    evaluate(engine, NOON + hours * HOUR)
    store(engine, [told(3, "gazette")])

    with transaction(engine) as session:
        until = NOON + hours * HOUR
        detect.tick(session, watermark=until, rules=RULES, max_late=24 * HOUR)

    kinds = [event.type for event in said(engine)]
    assert kinds == (["alert.fired", "alert.resolved"] if hours < 24 else [])


def test_what_was_said_and_is_over_is_not_said_again_for_an_item_a_day_late(
    engine: Engine,
) -> None:
    store(engine, [*CALM, told(0, "wire"), told(5, "daily"), told(10, "post")])
    evaluate(engine, NOON + 23 * HOUR)
    before = said(engine)
    assert [event.type for event in before] == ["alert.fired", "alert.resolved"]

    store(engine, [told(2, "gazette")])
    evaluate(engine, NOON + 23.5 * HOUR)

    assert said(engine) == before


@pytest.mark.parametrize("seed", range(3))
def test_with_half_of_the_sources_an_hour_late_the_same_crises_are_told(
    engine: Engine, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  # a test

    def came_at(row: ItemRow) -> tuple[datetime, str]:
        slow = row.source >= "source 3"
        return row.published_at + (rng.uniform(0.8, 1.3) * HOUR if slow else 0 * HOUR), row.id

    came = sorted(archive(), key=came_at)
    newest = START
    for first in range(0, len(came), 4):
        rows = came[first : first + 4]
        newest = max(newest, *(row.published_at for row in rows))
        store(engine, rows)
        evaluate(engine, newest)
    evaluate(engine, END)

    live, tested = _episodes(said(engine)), _episodes(ideal(came, END))

    assert [scope for scope, *_ in live] == [scope for scope, *_ in tested]
    for (_, told_at, critical), (_, fired_at, should) in zip(live, tested, strict=True):
        assert timedelta(0) <= told_at - fired_at <= 1.3 * HOUR
        assert critical == should


def _episodes(events: Sequence[AlertEventRow]) -> list[tuple[str, datetime, bool]]:
    """Return for each alert its series, when it fired, and whether it became critical."""
    of: dict[object, list[AlertEventRow]] = {}
    for event in events:
        of.setdefault(event.alert_id, []).append(event)
    found = []
    for some in of.values():
        bodies = [json.loads(event.body)["data"] for event in some]
        critical = any(body["severity"] == "critical" for body in bodies)
        found.append((bodies[0]["scope"]["id"], some[0].at, critical))
    return sorted(found)
