"""What is removed when it is too old, and what stays, on a real database."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from db.alerts import save_alerts
from db.audit import Deed, record
from db.engine import Engine, transaction
from db.items import store_items
from db.subscriptions import create_subscription
from pipeline import retention
from pipeline.retention import Retention
from pipeline.settings import RetentionSettings
from tests.integration.samples import NOON, alert, event, item, mention, subscription

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


def test_a_time_too_short_for_detection_is_no_setting() -> None:
    for name in ("items_days", "trends_days"):
        with pytest.raises(ValidationError, match="60"):
            RetentionSettings.model_validate({name: 30})
