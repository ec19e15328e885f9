import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from alerts.delivery.secrets import new_key
from db.engine import DatabaseAway, TooSlow
from pipeline.backoff import Outage
from pipeline.jobs import Job, Stop, clock
from pipeline.runtime import SettingsError, require_key
from pipeline.scheduler import run
from pipeline.schema import NotMigrated, Schema
from pipeline.settings import Settings
from pipeline.topics import BrokerAway, BrokerRefused


class FakeSchema:
    """A schema that is right, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def require(self) -> None:
        """Answer as told."""
        if self.error:
            raise self.error


def job(
    tick: Callable[[], object], *, bugs: list[Exception], schema: FakeSchema | None = None
) -> Job:
    database = Outage("database")
    return Job(
        "test",
        tick,
        schema=cast("Schema", schema or FakeSchema()),
        outages={DatabaseAway: database, NotMigrated: database, BrokerAway: Outage("broker")},
        on_bug=bugs.append,
    )


def settings(key: str | None) -> Settings:
    return Settings(secret_key=None if key is None else SecretStr(key))


def test_a_missing_key_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"TAPEWATCH_SECRET_KEY is not set.*tapewatch new-key"):
        run(settings(None))


def test_a_key_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="TAPEWATCH_SECRET_KEY is wrong") as refused:
        run(settings("hunter2hunter2"))
    assert "hunter2" not in str(refused.value)


def test_a_key_as_new_key_prints_it_is_taken() -> None:
    key = new_key()

    assert require_key(settings(key)) == key


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    answers: list[Exception | None] = [DatabaseAway("no"), DatabaseAway("no"), None, None]
    bugs: list[Exception] = []

    def tick() -> None:
        error = answers.pop(0)
        if error:
            raise error

    tested = job(tick, bugs=bugs)
    with capture_logs() as logs:
        for _ in range(4):
            tested()

    assert [entry["event"] for entry in logs] == ["away", "back"]
    assert bugs == []


def test_a_broker_that_lets_nobody_in_is_told_once_as_an_outage() -> None:
    bugs: list[Exception] = []

    def tick() -> None:
        raise BrokerRefused("check SASL_PASSWORD")

    tested = job(tick, bugs=bugs)
    with capture_logs() as logs:
        tested()
        tested()

    told = [(entry["event"], entry["detail"]) for entry in logs]
    assert told == [("away", "check SASL_PASSWORD")]
    assert bugs == []


def test_a_job_that_asks_too_much_is_an_error_of_its_own_and_no_outage() -> None:
    answers: list[Exception | None] = [TooSlow("cut"), TooSlow("cut"), None, TooSlow("cut")]
    bugs: list[Exception] = []

    def tick() -> None:
        error = answers.pop(0)
        if error:
            raise error

    tested = job(tick, bugs=bugs)
    with capture_logs() as logs:
        for _ in range(4):
            tested()

    told = {"event": "too_slow", "job": "test", "detail": "cut", "log_level": "error"}
    assert logs == [told, told], "once until it works"
    assert bugs == []


def test_a_job_waits_for_the_schema_and_does_no_work_before() -> None:
    bugs: list[Exception] = []
    ran: list[int] = []
    schema = FakeSchema(NotMigrated("run `tapewatch migrate`"))
    tested = job(lambda: ran.append(1), bugs=bugs, schema=schema)

    with capture_logs() as logs:
        tested()
        tested()
        schema.error = None
        tested()

    assert ran == [1]
    assert "tapewatch migrate" in logs[0]["detail"]
    assert [entry["event"] for entry in logs] == ["away", "back"]


def test_a_bug_in_a_job_is_a_reason_to_stop() -> None:
    stop = Stop()

    def tick() -> None:
        raise ZeroDivisionError

    tested = Job("test", tick, schema=cast("Schema", FakeSchema()), outages={}, on_bug=stop.on_bug)
    tested()

    stop.wait()
    assert isinstance(stop.bug, ZeroDivisionError)


def test_a_signal_is_a_reason_to_stop_and_no_bug() -> None:
    stop = Stop()

    stop.on_signal(signal.SIGTERM, None)

    stop.wait()
    assert stop.bug is None
    assert stop.event.is_set()


def test_a_long_run_is_not_joined_by_a_second_one() -> None:
    running, release = threading.Semaphore(0), threading.Event()
    at_once: list[int] = []
    active = 0

    def tick() -> None:
        nonlocal active
        active += 1
        at_once.append(active)
        running.release()
        release.wait(10)
        active -= 1

    ticking = clock({job(tick, bugs=[]): 0.02})
    ticking.start()
    assert running.acquire(timeout=10)
    assert not running.acquire(timeout=0.2)
    release.set()
    assert running.acquire(timeout=10)
    ticking.shutdown()

    assert set(at_once) == {1}


def test_the_first_run_is_at_once() -> None:
    began = datetime.now(UTC)
    ran = threading.Event()

    ticking = clock({job(ran.set, bugs=[]): 3600.0})
    ticking.start()

    assert ran.wait(5)
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    ticking.shutdown()
