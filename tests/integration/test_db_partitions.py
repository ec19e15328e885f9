"""Months of trend buckets: where they lie, and that none is refused, lost or counted twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db import partitions
from db.engine import Engine, create_engine, transaction
from db.items import store_items
from db.partitions import PartitionsRefused, add_missing_month, drop_oldest_month, months
from tests.integration.samples import (
    NOON,
    item,
    recounted_buckets,
    store,
    stored_buckets,
)
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
THIS = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
NEXT = (THIS + timedelta(days=31)).replace(day=1)
MARCH, APRIL, MAY = (datetime(2023, month, 1, tzinfo=UTC) for month in (3, 4, 5))
DAY = timedelta(days=1)


@pytest.fixture
def impatient(database_url: str) -> Iterator[Engine]:
    """An engine that waits a second for a lock."""
    engine = create_engine(database_url, statement_timeout_s=1)
    yield engine
    engine.dispose()


def have_partitions(engine: Engine) -> list[datetime]:
    with transaction(engine) as session:
        return months(session)


def make_partitions(engine: Engine, *, now: datetime = NOW) -> None:
    """Do what the scheduler does every hour."""
    made: datetime | None = now
    while made:
        with transaction(engine) as session:
            made = add_missing_month(session, now=now)


def rows_in(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        query = text(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(connection.execute(query).scalar_one())


def books_balance(engine: Engine) -> bool:
    with engine.connect() as connection:
        return stored_buckets(connection) == recounted_buckets(connection)


def test_a_new_database_has_partitions_for_this_month_and_the_next(engine: Engine) -> None:
    assert have_partitions(engine) == [THIS, NEXT]

    store(engine, item("now", at=NOW), item("past"))

    assert rows_in(engine, f"trend_5m_{THIS:%Y_%m}") == 2
    assert rows_in(engine, "trend_5m_default") == 2


@pytest.mark.parametrize("seen_at", [NOW + 31 * DAY, NOW + 400 * DAY])
def test_the_month_after_gets_its_partition_in_time_or_late(
    engine: Engine, seen_at: datetime
) -> None:
    store(engine, item("then", at=seen_at))

    make_partitions(engine, now=seen_at)

    assert rows_in(engine, f"trend_5m_{seen_at:%Y_%m}") == 2
    assert rows_in(engine, "trend_5m_default") == 0
    assert books_balance(engine)


def test_a_month_that_has_too_many_buckets_to_move_stays_where_it_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_MOST_MOVED", 2)
    store(engine, item("a"), item("b", at=NOON + DAY), item("c", at=APRIL))

    make_partitions(engine, now=NOON)

    assert have_partitions(engine) == [APRIL, THIS, NEXT]
    assert rows_in(engine, "trend_5m_default") == 4
    assert books_balance(engine)


def test_an_item_of_any_date_is_stored(engine: Engine) -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)

    store(engine, item("a", at=APRIL - DAY / 1e6), item("b", at=APRIL), item("c", at=far))
    make_partitions(engine, now=APRIL)

    assert have_partitions(engine) == [APRIL, MAY, THIS, NEXT]
    assert rows_in(engine, "trend_5m_2023_04") == 2
    assert rows_in(engine, "trend_5m_default") == 4
    assert books_balance(engine)


def test_a_partition_is_made_like_the_others(engine: Engine) -> None:
    make_partitions(engine, now=NOON)

    looks = """
        SELECT reloptions, relkind, (SELECT count(*) FROM pg_index WHERE indrelid = c.oid)
        FROM pg_class AS c WHERE relispartition AND relkind = 'r' ORDER BY relname
    """
    with engine.connect() as connection:
        found = connection.execute(text(looks)).all()
    assert found == [(["fillfactor=70"], "r", 2)] * 5


def test_workers_that_store_into_a_month_while_it_gets_its_partition_count_all_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT", "20s")
    store(engine, item("first"))
    held, waiting = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction(engine) as session:
            store_items(session, [item("held")], [])
            held.set()
            assert waiting.wait(10)

    def keep(name: str) -> None:
        store(engine, item(name, at=NOON + DAY))

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(hold)]
        assert held.wait(10)
        running.append(pool.submit(make_partitions, engine, now=NOON))
        until(lambda: waiters(engine) == 1)
        running += [pool.submit(keep, name) for name in ("second", "third")]
        until(lambda: waiters(engine) == 3)
        waiting.set()
        for each in running:
            each.result(20)

    assert rows_in(engine, "items") == 4
    assert have_partitions(engine) == [MARCH, APRIL, THIS, NEXT]
    assert rows_in(engine, "trend_5m_default") == 0
    assert books_balance(engine)


def test_a_query_that_comes_while_buckets_move_waits_and_misses_none(engine: Engine) -> None:
    store(engine, item("a"), item("b", at=NOON + DAY))
    query = "SELECT sum(items) FROM trend_5m WHERE bucket < '2024-01-01'"

    def ask() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            assert add_missing_month(session, now=NOON) == MARCH
            asked = pool.submit(ask)
            until(lambda: waiters(engine) == 1)

        assert asked.result(10) == 4


def waiters(engine: Engine) -> int:
    """Return how many sessions wait for a lock on a table or a row."""
    query = """
        SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
        WHERE NOT l.granted AND a.datname = current_database()
    """
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def test_a_transaction_that_fails_leaves_every_bucket_where_it_was(engine: Engine) -> None:
    store(engine, item("a"))

    def fail() -> None:
        with transaction(engine) as session:
            add_missing_month(session, now=NOON)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert have_partitions(engine) == [THIS, NEXT]
    assert rows_in(engine, "trend_5m_default") == 2
    make_partitions(engine, now=NOON)
    assert books_balance(engine)


def test_a_table_in_use_is_refused_soon(
    engine: Engine, impatient: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT", "50ms")
    later = NOW + 60 * DAY
    with transaction(engine) as session:
        session.execute(text("SELECT count(*) FROM trend_5m"))

        with pytest.raises(PartitionsRefused, match="in use"), transaction(impatient) as other:
            drop_oldest_month(other, before=later)
        with pytest.raises(PartitionsRefused, match="in use"), transaction(impatient) as other:
            add_missing_month(other, now=later)

    assert have_partitions(engine) == [THIS, NEXT]


def test_a_role_that_does_not_own_the_table_is_refused(engine: Engine) -> None:
    def drop() -> None:
        role = f"service_{uuid4().hex[:8]}"
        with transaction(engine) as session:
            session.execute(text(f"CREATE ROLE {role}"))
            session.execute(text(f"SET LOCAL ROLE {role}"))
            drop_oldest_month(session, before=NEXT)

    with pytest.raises(PartitionsRefused, match="another role"):
        drop()


def test_a_query_for_some_days_reads_the_partitions_of_their_months_alone(engine: Engine) -> None:
    make_partitions(engine, now=NOON)

    query = "EXPLAIN SELECT * FROM trend_5m WHERE bucket >= :since AND bucket < :until"
    with engine.connect() as connection:
        span = {"since": MARCH + DAY, "until": MARCH + 2 * DAY}
        plan = "\n".join(connection.execute(text(query), span).scalars())

    assert "trend_5m_2023_03" in plan
    assert "trend_5m_2023_04" not in plan


def test_a_scheduler_of_the_version_before_deletes_nothing_by_mistake(engine: Engine) -> None:
    store(engine, item("old"), item("new", at=NOW))
    by_ctid = """
        DELETE FROM trend_5m WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM trend_5m WHERE bucket < '2024-01-01' ORDER BY bucket LIMIT 2000))
    """

    with pytest.raises(OperationalError, match="partitions"), engine.begin() as connection:
        connection.execute(text(by_ctid))

    assert books_balance(engine)
