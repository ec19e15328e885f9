import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from alerts.types import Hour
from alerts.walk import Walk, walk
from db import candidates, trends
from db.alert_rows import AlertEventRow
from db.alerts import open_alerts
from db.detect_states import detect_state
from db.engine import Engine, Session, transaction
from db.locks import try_lock
from db.rows import EntityRow, SeriesKey
from pipeline.stages import detect, walking
from pipeline.stages.alerting import DETECTOR
from pipeline.stages.cells import STEP, grid_end
from tests.integration.crises import END, RULES, START, archive, evaluate, forget, said, store
from tests.integration.samples import NEGATIVE, item

pytestmark = pytest.mark.integration


@pytest.fixture
def filled(engine: Engine) -> Engine:
    store(engine, archive())
    return engine


def test_the_crises_are_told_and_nothing_else(filled: Engine) -> None:
    evaluate(filled, END)

    events = said(filled)

    kinds = [event.type for event in events]
    assert kinds.count("alert.fired") == kinds.count("alert.resolved") >= 2
    assert "alert.updated" in kinds
    assert all("x:cedar" not in event.body for event in events)
    assert [event.at for event in events] == sorted(event.at for event in events)


@pytest.mark.parametrize("seed", range(4))
def test_the_same_alerts_are_told_however_event_time_is_cut_into_ticks(
    filled: Engine, seed: int
) -> None:
    evaluate(filled, END)
    at_once = said(filled)
    forget(filled)
    rng = random.Random(seed)  # noqa: S311  # a test
    times = [row.published_at for row in archive()]

    reached = START - timedelta(hours=1)
    while reached < END:
        ahead = timedelta(seconds=rng.choice([1, 300, 3600, 5 * 3600, 40 * 3600]) * rng.random())
        # Often at the very time of an item: the border that is easiest to get wrong.
        reached = rng.choice([reached + ahead, *[t for t in times if t > reached][:1]])
        evaluate(filled, min(reached, END))

    assert at_once
    assert said(filled) == at_once


def test_the_same_alerts_are_told_when_items_arrive_between_the_ticks(engine: Engine) -> None:
    rows = archive()
    store(engine, rows)
    evaluate(engine, END)
    at_once = said(engine)
    with transaction(engine) as session:
        session.execute(text("TRUNCATE items, trend_5m, texts CASCADE"))
    forget(engine)

    for start in range(0, len(rows), 25):
        store(engine, rows[start : start + 25])
        evaluate(engine, rows[min(start + 25, len(rows)) - 1].published_at)
    evaluate(engine, END)

    assert said(engine) == at_once


def test_accounts_that_are_late_still_raise_the_alert(engine: Engine) -> None:
    rows = archive()
    store(engine, rows)
    evaluate(engine, END)
    in_order = {_scope(event) for event in said(engine)}
    with transaction(engine) as session:
        session.execute(text("TRUNCATE items, trend_5m, texts CASCADE"))
    forget(engine)

    for start in range(0, len(rows), 5):
        late = rows[start : start + 5]
        evaluate(engine, late[-1].published_at)
        store(engine, late)
    evaluate(engine, END)

    assert {_scope(event) for event in said(engine)} == in_order == {"x:acme", "x:birch"}


@pytest.mark.parametrize(("old_by_days", "fires"), [(30, False), (3, True)])
def test_items_from_before_anybody_watched_do_not_end_the_warm_up(
    engine: Engine, old_by_days: int, fires: bool
) -> None:
    told_at = START + timedelta(hours=30)
    store(
        engine,
        [
            item("old", at=START - timedelta(days=old_by_days), entities=()),
            item("new", at=START, entities=()),
            *(
                item(name, at=told_at + timedelta(minutes=n), source=name, tone=NEGATIVE)
                for n, name in enumerate("abc")
            ),
        ],
    )

    evaluate(engine, told_at + timedelta(hours=1))

    assert bool(said(engine)) is fires


def test_a_series_is_read_again_only_when_something_was_stored(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = trends.mentions

    def spying(session: Session, keys: Sequence[SeriesKey], **more: Any) -> Any:
        read.extend(key.id for key in keys)
        return reading(session, keys, **more)

    monkeypatch.setattr(trends, "mentions", spying)
    # One source alone: nothing fires, and an open alert is looked at in any case.
    rows = [
        item(f"{name} {n}", at=START + timedelta(minutes=n), entities=(EntityRow(name, name),))
        for name in ("x:acme", "x:birch")
        for n in range(3)
    ]
    store(engine, rows)
    evaluate(engine, START + timedelta(hours=1))
    assert read == ["x:acme", "x:birch"]
    read.clear()

    evaluate(engine, START + timedelta(hours=1, minutes=10))
    assert read == []
    late = item("late", at=START + timedelta(minutes=6), entities=(EntityRow("x:acme", "Acme"),))
    store(engine, [late])
    evaluate(engine, START + timedelta(hours=1, minutes=20))
    assert read == ["x:acme"]


def _scope(event: AlertEventRow) -> str:
    return str(json.loads(event.body)["data"]["scope"]["id"])


def test_what_is_read_as_history_hangs_on_the_grid_and_not_on_the_tick(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: dict[datetime, set[float]] = defaultdict(set)

    def spying(mentions: Any, hours: list[Hour], **more: Any) -> Walk:
        shares[grid_end(more["since"])].add(more["parent_share"])
        assert hours[0].start < START + timedelta(hours=1)
        return walk(mentions, hours, **more)

    monkeypatch.setattr(walking, "walk", spying)
    until = START
    while until < END:
        until += timedelta(minutes=55)
        evaluate(filled, until)

    assert all(len(values) == 1 for values in shares.values())
    assert len({share for values in shares.values() for share in values}) > 3


@pytest.mark.parametrize("seed", range(4))
def test_a_tick_that_dies_anywhere_tells_the_same_alerts_when_it_runs_again(
    filled: Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(filled, END)
    undisturbed = said(filled)
    forget(filled)
    rng = random.Random(seed)  # noqa: S311  # a test

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        def work_or_die(*args: Any, **more: Any) -> Any:
            before = rng.random() < 0.2
            if before:
                raise ConnectionError
            result = work(*args, **more)
            if rng.random() < 0.2:
                raise ConnectionError
            return result

        return work_or_die

    for module, name in (
        (detect, "save_alerts"),
        (detect, "save_detect_state"),
        (trends, "mentions"),
        (candidates, "candidates"),
    ):
        monkeypatch.setattr(module, name, dying(getattr(module, name)))
    deaths = 0
    while not _done(filled):
        try:
            evaluate(filled, END)
        except ConnectionError:
            deaths += 1

    assert deaths > 3
    assert said(filled) == undisturbed


def test_a_scheduler_does_nothing_while_another_is_at_it(filled: Engine) -> None:
    with transaction(filled) as other:
        assert try_lock(other, DETECTOR)
        with transaction(filled) as session:
            assert detect.tick(session, watermark=END, rules=RULES) is None
    assert said(filled) == []


def test_one_transaction_covers_six_hours_at_most_where_something_may_fire(filled: Engine) -> None:
    evaluate(filled, START + timedelta(days=2.6))

    with transaction(filled) as session:
        step = detect.tick(session, watermark=END, rules=RULES)

    assert step is not None
    assert step.until <= START + timedelta(days=2.6) + STEP


def test_a_gap_of_years_is_crossed_in_a_few_transactions(engine: Engine) -> None:
    store(engine, [item("old", at=START - timedelta(days=365 * 40)), item("new", at=START)])
    steps = 0

    while True:
        with transaction(engine) as session:
            step = detect.tick(session, watermark=END, rules=RULES)
        assert step is not None
        steps += 1
        if step.until >= END:
            break

    assert steps < 5


def test_the_watermark_moving_back_changes_nothing(filled: Engine) -> None:
    evaluate(filled, END)
    before = said(filled)

    evaluate(filled, START)

    assert said(filled) == before
    with transaction(filled) as session:
        saved = detect_state(session, DETECTOR)
    assert saved is not None
    assert saved["evaluated_until"] == END


def test_an_empty_archive_is_no_work(engine: Engine) -> None:
    with transaction(engine) as session:
        assert detect.tick(session, watermark=END, rules=RULES) is None


def test_detection_goes_on_when_someone_deleted_a_firing_alert(filled: Engine) -> None:
    firing = _evaluate_until_something_fires(filled)
    with transaction(filled) as session:
        session.execute(text("DELETE FROM alerts"))

    evaluate(filled, END)

    assert all(event.alert_id != firing.alert_id for event in said(filled))
    with transaction(filled) as session:
        assert open_alerts(session) == []


def test_what_detection_remembers_does_not_grow_with_the_alerts(filled: Engine) -> None:
    evaluate(filled, END + timedelta(days=1))

    with transaction(filled) as session:
        saved = detect_state(session, DETECTOR)

    assert saved is not None
    assert saved["state"] == {}


def _done(engine: Engine) -> bool:
    with transaction(engine) as session:
        saved = detect_state(session, DETECTOR)
    return saved is not None and saved["evaluated_until"] >= END


def _evaluate_until_something_fires(engine: Engine) -> AlertEventRow:
    until = START
    while not (events := said(engine)):
        until += timedelta(minutes=30)
        evaluate(engine, until)
    return events[0]
