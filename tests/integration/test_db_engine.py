"""Sessions in UTC, and which errors of the database pass by waiting."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from db.accounts import lock_accounts
from db.engine import DatabaseAway, Engine, TooSlow, create_engine, is_away, transaction
from tests.integration.proxies import CuttableProxy

pytestmark = pytest.mark.integration


def test_times_come_back_in_utc_whatever_the_server_thinks(database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"options": "-c timezone=Asia/Shanghai"})
    engine = create_engine(url.render_as_string(hide_password=False))
    with transaction(engine) as session:
        at = session.execute(text("SELECT timestamptz '2023-03-10 01:00+08'")).scalar_one()
    engine.dispose()

    assert at == datetime(2023, 3, 9, 17, tzinfo=UTC)
    assert at.utcoffset() == timedelta(0)


def test_a_server_that_is_not_there_is_away(tmp_path: Path) -> None:
    engine = create_engine(f"postgresql://nobody@/none?host={tmp_path}")

    with pytest.raises(DatabaseAway), transaction(engine) as session:
        session.execute(text("SELECT 1"))


def test_a_connection_cut_in_mid_transaction_is_away_and_the_next_one_works(
    engine: Engine,
) -> None:
    def cut() -> None:
        with transaction(engine) as session:
            pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with transaction(engine) as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            session.execute(text("INSERT INTO topics VALUES ('lost')"))

    with pytest.raises(DatabaseAway):
        cut()

    with transaction(engine) as session:
        assert session.execute(text("SELECT count(*) FROM topics")).scalar_one() == 0


def test_a_statement_that_takes_too_long_is_cancelled_and_away(database_url: str) -> None:
    engine = create_engine(database_url, statement_timeout_s=0.05)

    with pytest.raises(TooSlow, match="statement timeout"), transaction(engine) as session:
        session.execute(text("SELECT pg_sleep(10)"))
    engine.dispose()


def test_a_statement_that_waits_too_long_for_a_lock_is_told_from_a_slow_one(
    engine: Engine, database_url: str
) -> None:
    waiting = create_engine(database_url, statement_timeout_s=1)
    with transaction(engine) as session:
        lock_accounts(session)
        with pytest.raises(DatabaseAway, match="lock timeout") as raised, transaction(waiting) as w:
            lock_accounts(w)
    waiting.dispose()

    assert not isinstance(raised.value, TooSlow)


def test_a_server_that_falls_silent_in_mid_query_is_away(database_url: str) -> None:
    url = make_url(database_url)
    folder, port = url.query.get("host"), url.port or 5432
    target = f"{folder}/.s.PGSQL.{port}" if folder else (url.host or "127.0.0.1", port)
    with CuttableProxy(target) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port, query={})
        engine = create_engine(through.render_as_string(hide_password=False), silence_s=2)
        began = time.monotonic()

        def ask() -> None:
            with transaction(engine) as session:
                threading.Timer(0.2, proxy.silence).start()
                session.execute(text("SELECT pg_sleep(15)"))

        with pytest.raises(DatabaseAway):
            ask()
        engine.dispose()

    assert time.monotonic() - began < 12


def test_who_idles_in_a_transaction_loses_its_lock_and_is_told_that_the_database_is_away(
    engine: Engine, database_url: str
) -> None:
    frozen = create_engine(database_url, idle_s=0.2)

    def idle() -> None:
        with transaction(frozen) as session:
            lock_accounts(session)
            with transaction(engine) as other:
                lock_accounts(other)
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseAway):
        idle()
    frozen.dispose()


def test_an_engine_bounds_silence_and_idling_unless_told(engine: Engine) -> None:
    with transaction(engine) as session:
        idle = session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        connection = session.connection().connection.dbapi_connection
        assert isinstance(connection, psycopg.Connection)
        given = connection.info.get_parameters()

    assert idle == "1min"
    assert int(given["tcp_user_timeout"]) == 30_000
    probed_s = int(given["keepalives_idle"]) + 3 * int(given["keepalives_interval"])
    assert probed_s <= 30


def test_the_victim_of_a_deadlock_is_away(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("INSERT INTO topics VALUES ('a'), ('b')"))
    both_hold_one = threading.Barrier(2)
    update = text("UPDATE topics SET id = id WHERE id = :id")

    def cross(first: str, second: str) -> bool:
        try:
            with transaction(engine) as session:
                session.execute(update, {"id": first})
                both_hold_one.wait(timeout=30)
                session.execute(update, {"id": second})
        except DatabaseAway:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        survived = list(pool.map(cross, "ab", "ba"))

    assert sorted(survived) == [False, True]


def test_sessions_that_were_read_only_are_not_used_once_the_server_takes_writes(
    engine: Engine, database_url: str
) -> None:
    name = make_url(database_url).database
    with transaction(engine) as session:
        session.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()

    with pytest.raises(DatabaseAway, match="read-only"), transaction(engine) as session:
        session.execute(text("INSERT INTO topics VALUES ('a')"))
    with transaction(engine) as session:
        session.execute(text("SET TRANSACTION READ WRITE"))
        session.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
    # The connection that was refused is gone; the one that mended it is read-only still.
    with pytest.raises(DatabaseAway), transaction(engine) as session:
        session.execute(text("INSERT INTO topics VALUES ('a')"))
    with transaction(engine) as session:
        session.execute(text("INSERT INTO topics VALUES ('a')"))


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO topics VALUES ('a'), ('a')", IntegrityError),
        ("SELECT * FROM no_such_table", ProgrammingError),
    ],
)
def test_bugs_and_bad_data_are_not_away(
    engine: Engine, statement: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised, transaction(engine) as session:
        session.execute(text(statement))

    assert not is_away(raised.value)


@pytest.mark.parametrize("make", [lambda: ValueError("x"), lambda: OSError("disk")])
def test_errors_of_others_are_not_the_databases(make: Callable[[], Exception]) -> None:
    assert not is_away(make())
    assert is_away(DatabaseAway("gone"))
