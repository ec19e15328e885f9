"""The last migration, while a worker of the version before it goes on storing."""

import threading

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, select, text

from db.engine import Engine
from db.migrate import current, head, upgrade
from tests.compose import ROOT
from tests.integration.samples import item, store
from tests.integration.test_db_schema import migrate_to
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

WRITTEN = ("topics", "entities", "items", "item_topics", "item_entities")
KEYS = {"id", "item_id", "entity_id", "topic"}


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
            self._rows = [connection.execute(select(t)).mappings().one() for t in self._tables]

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
        count = connection.execute(text("SELECT count(*) FROM items")).scalar_one()
    assert count == worker.stored + 2
