"""The last migration, while a worker of the version before it goes on storing, and of much."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, select, text

from db.engine import Engine
from db.migrate import current, head, upgrade
from tests.compose import ROOT
from tests.integration.samples import item, store, stored_buckets
from tests.integration.test_db_schema import migrate_to
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

WRITTEN = ("topics", "entities", "items", "item_topics", "item_entities", "trend_5m")
KEYS = {"id", "item_id", "entity_id", "topic", "scope_id"}

KIND = "SELECT relkind FROM pg_class WHERE relname = 'trend_5m'"
MANY_OF_APRIL = """
    INSERT INTO trend_5m
    SELECT 'topic', 'invented', TIMESTAMPTZ '2023-04-01 00:00+00' + n * INTERVAL '1 minute', 'en',
           1, 1, 1, 0, 0, 0, '{}', '{}'
    FROM generate_series(0, 9999) AS n
"""


class OldWorker(threading.Thread):
    """Stores items as the tables were when it started, one transaction each.

    Attributes:
        stored: How many transactions were committed.
        failure: What ended it before it was asked to end.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(daemon=True)
        self.stored = 0
        self.failure: Exception | None = None
        self.stopping = threading.Event()
        self._engine = engine
        metadata = MetaData()
        with engine.connect() as connection:
            metadata.reflect(connection, only=WRITTEN)
            self._tables = [metadata.tables[name] for name in WRITTEN]
            self._rows = [next(connection.execute(select(t)).mappings()) for t in self._tables]

    def run(self) -> None:
        """Store until asked to stop."""
        try:
            while not self.stopping.is_set():
                with self._engine.begin() as connection:
                    self._store(connection)
                self.stored += 1
        except Exception as error:  # noqa: BLE001  # told by the test
            self.failure = error

    def _store(self, connection: Connection) -> None:
        for table, row in zip(self._tables, self._rows, strict=True):
            new = {k: f"{v} {self.stored}" if k in KEYS else v for k, v in row.items()}
            connection.execute(insert(table).values(new))


def test_a_worker_of_the_version_before_stores_on_while_the_schema_is_upgraded(
    engine: Engine, database_url: str
) -> None:
    store(engine, item("a", topics=("Banks",)))
    scripts = ScriptDirectory(str(ROOT / "db" / "migrations"))
    before = scripts.get_revision(head()).down_revision
    assert isinstance(before, str)
    with engine.begin() as connection:
        migrate_to(connection, before)
    worker = OldWorker(engine)
    worker.start()
    until(lambda: worker.stored > 20 or worker.failure is not None)

    upgrade(database_url)

    upgraded_at = worker.stored
    until(lambda: worker.stored > upgraded_at + 20 or worker.failure is not None)
    worker.stopping.set()
    worker.join(10)
    assert worker.failure is None
    assert current(database_url) == head()
    store(engine, item("b", topics=("Banks",)))
    with engine.connect() as connection:
        query = text("SELECT count(*), (SELECT count(*) FROM trend_5m) FROM items")
        found = connection.execute(query).one()
    assert tuple(found) == (worker.stored + 2, worker.stored + 3)


def test_buckets_of_the_version_before_come_into_their_months(
    engine: Engine, database_url: str
) -> None:
    now = datetime.now(UTC)
    store(engine, item("past"), item("now", at=now))
    with engine.begin() as connection:
        migrate_to(connection, "0023")
        connection.execute(text(MANY_OF_APRIL))
        assert connection.execute(text(KIND)).scalar_one() == "r"
        before = stored_buckets(connection)

    upgrade(database_url)

    with engine.connect() as connection:
        assert stored_buckets(connection) == before
        rows = "SELECT count(*) FROM {}"
        for table, count in {
            "trend_5m_2023_04": 10_000,
            f"trend_5m_{now:%Y_%m}": 2,
            "trend_5m_default": 2,
        }.items():
            assert connection.execute(text(rows.format(table))).scalar_one() == count
        shown = "SELECT sum(accounts) FROM v_trend_1h"
        assert connection.execute(text(shown)).scalar_one() == len(before)
        comment = "SELECT col_description('v_trend_1h'::regclass, 4)"
        assert connection.execute(text(comment)).scalar_one() == "Start of the bucket"
        readable = "SELECT has_table_privilege('tapewatch_reader', 'v_trend_1h', 'SELECT')"
        assert connection.execute(text(readable)).scalar_one()
    store(engine, item("later", at=now + timedelta(minutes=5)))
