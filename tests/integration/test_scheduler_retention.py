"""What is removed when it is too old, and what stays, on a real database."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from db.alerts import save_alerts
from db.audit import Deed, record
from db.engine import Engine, Session, TooSlow, transaction
from db.items import store_items
from db.retention import Kept, remove_old
from db.rows import Progress
from db.spent import Spent, remove_spent
from db.subscriptions import create_subscription
from pipeline import retention
from pipeline.retention import Retention
from pipeline.settings import RetentionSettings
from tests.integration.samples import NOON, alert, event, item, mention, minutes, subscription
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
DAYS = RetentionSettings(
    items_days=90, trends_days=90, alerts_days=90, deliveries_days=30, audit_days=30
)
TABLES = {
    *("items", "item_entities", "trend_5m", "alerts", "alert_events", "alert_evidence"),
    *("outbox", "delivery_attempts", "audit_log"),
}


def count(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
            for table in sorted(TABLES)
        }


def fill(engine: Engine, *, age: timedelta) -> None:
    """Store some of everything, long past by event time, and as old as said by the wall clock."""
    ended = alert(state="resolved", evidence=(mention("a"),))
    with transaction(engine) as session:
        store_items(session, [item("a"), item("b"), item("c", at=NOON + timedelta(days=1))], [])
        create_subscription(session, subscription())
        save_alerts(session, [(ended, event(ended))])
        record(session, Deed("x", None, "POST /", "/", "here", "done"))
    stored = {"items": "stored_at", "alert_events": "stored_at", "outbox": "created_at"}
    with engine.begin() as connection:
        for table, column in (stored | {"audit_log": "at"}).items():
            statement = text(f"UPDATE {table} SET {column} = :at")  # noqa: S608
            connection.execute(statement, {"at": NOW - age})


def run(engine: Engine, settings: RetentionSettings, *, now: datetime = NOW) -> None:
    Retention(engine, settings, now=lambda: now, stopping=threading.Event()).tick()


def test_what_is_too_old_is_removed_with_all_that_belongs_to_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 1)
    fill(engine, age=timedelta(days=100))

    run(engine, DAYS)

    assert set(count(engine).values()) == {0} or count(engine) == dict.fromkeys(TABLES, 0) | {
        "items": 1,
        "item_entities": 1,
    }


def test_the_items_of_an_alert_stay_as_long_as_it_does_unless_told(engine: Engine) -> None:
    fill(engine, age=timedelta(days=100))

    run(engine, DAYS.model_copy(update={"alerts_days": 0}))
    kept = count(engine)
    run(engine, DAYS.model_copy(update={"alerts_days": 0, "keep_evidence": False}))
    told = count(engine)

    assert (kept["items"], kept["alert_evidence"], kept["alerts"]) == (1, 1, 1)
    assert (told["items"], told["alert_evidence"], told["alerts"]) == (0, 1, 1)


def test_a_replay_of_the_past_is_not_removed_at_once(engine: Engine) -> None:
    fill(engine, age=timedelta(days=1))
    before = count(engine)

    run(engine, DAYS.model_copy(update={"trends_days": 0}))

    assert count(engine) == before


def test_an_alert_that_fires_and_a_delivery_that_waits_stay(engine: Engine) -> None:
    firing = alert()
    with transaction(engine) as session:
        create_subscription(session, subscription())
        save_alerts(session, [(firing, event(firing))])

    run(engine, DAYS, now=NOW + timedelta(days=1000))

    found = count(engine)
    assert (found["alerts"], found["outbox"]) == (1, 1)


def test_who_was_told_of_an_alert_is_told_of_its_end_however_long_it_fires(engine: Engine) -> None:
    firing, ended = alert(), alert(revision=2, state="resolved")
    with transaction(engine) as session:
        create_subscription(session, subscription())
        save_alerts(session, [(firing, event(firing))])
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET state = 'delivered'"))

    run(engine, DAYS, now=NOW + timedelta(days=40))
    with transaction(engine) as session:
        save_alerts(session, [(ended, event(ended))])
    told = count(engine)["outbox"]
    run(engine, DAYS, now=NOW + timedelta(days=40))

    assert told == 2
    assert count(engine)["outbox"] == 1, "what waits"


def test_nothing_is_removed_unless_it_is_asked_for(engine: Engine) -> None:
    fill(engine, age=timedelta(days=10_000))
    before = count(engine)

    run(engine, RetentionSettings())

    assert count(engine) == before


def texts(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT text_hash FROM texts")).scalars()
        return {text_hash.removeprefix("text of ") for text_hash in found}


def age_texts(engine: Engine, days: int) -> None:
    with engine.begin() as connection:
        aged = text("UPDATE texts SET stored_at = now() - make_interval(days => :days)")
        connection.execute(aged, {"days": days})


@pytest.mark.parametrize("batch", [1, 2000])
def test_texts_that_no_item_can_repeat_any_more_are_removed_whatever_is_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(retention, "_BATCH", batch)
    rows = [item(f"{days}", at=NOON - timedelta(days=days)) for days in (0, 9, 11, 12, 400)]
    with transaction(engine) as session:
        store_items(session, rows, [Progress("news.raw.v1", 0, 5, NOON)])
    age_texts(engine, 8)

    run(engine, RetentionSettings())

    assert texts(engine) == {"0", "9"}
    assert count(engine)["items"] == len(rows)


def test_texts_of_a_replay_of_the_past_stay_while_it_may_run(engine: Engine) -> None:
    progress = [Progress("news.raw.v1", 0, 5, datetime.now(UTC))]
    with transaction(engine) as session:
        store_items(session, [item("a")], progress)
    age_texts(engine, 6)

    run(engine, RetentionSettings())
    with transaction(engine) as session:
        store_items(session, [item("b", at=NOON + minutes(1), text_hash="text of a")], [])
        copies = "SELECT copy_of FROM items WHERE id = 'b'"
        assert session.execute(text(copies)).scalar_one() == "a"
    age_texts(engine, 8)
    run(engine, RetentionSettings())

    assert texts(engine) == set()


def test_a_text_that_a_worker_takes_up_again_is_not_removed_meanwhile(engine: Engine) -> None:
    with transaction(engine) as session:
        store_items(session, [item("a")], [Progress("news.raw.v1", 0, 5, NOON)])
    age_texts(engine, 8)
    again = item("b", at=NOON + timedelta(days=30), text_hash="text of a")
    far = NOON + timedelta(days=15)
    with ThreadPoolExecutor(1) as pool, transaction(engine) as worker:
        store_items(worker, [again], [])

        def remove() -> int:
            with transaction(engine) as session:
                return remove_spent(session, Spent.TEXTS, before=far, limit=10)

        removed = pool.submit(remove)
        until(lambda: waits_for_a_lock(engine))
        worker.commit()
        assert removed.result(20) == 0

    assert texts(engine) == {"a"}


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(connection.execute(text(waiting)).scalar_one())


def test_slots_older_than_a_source_is_watched_are_removed(engine: Engine) -> None:
    rows = [item(f"{days}", at=NOON - timedelta(days=days)) for days in (0, 34, 36, 400)]
    with transaction(engine) as session:
        store_items(session, rows, [Progress("news.raw.v1", 0, 5, NOON)])

    run(engine, RetentionSettings())

    with engine.connect() as connection:
        slots = connection.execute(text("SELECT slot FROM source_slots ORDER BY 1")).scalars().all()
    assert slots == [NOON - timedelta(days=34), NOON]


def test_a_time_too_short_for_detection_is_no_setting() -> None:
    for name in ("items_days", "trends_days"):
        with pytest.raises(ValidationError, match="60"):
            RetentionSettings.model_validate({name: 30})


def test_one_kind_that_takes_too_long_keeps_no_other_from_being_removed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, age=timedelta(days=200))

    def too_slow(session: Session, what: Kept, **more: Any) -> int:
        if what is Kept.ITEMS:
            raise TooSlow("a statement was cut short")
        return remove_old(session, what, **more)

    monkeypatch.setattr(retention, "remove_old", too_slow)

    with pytest.raises(TooSlow):
        run(engine, DAYS)

    left = count(engine)
    assert left["items"] == 3
    assert left["alerts"] == left["audit_log"] == left["trend_5m"] == 0
