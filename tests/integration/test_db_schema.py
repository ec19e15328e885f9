"""The migrations: up, several at once, with few rights, and down."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Connection, make_url, text

import db.access_tables
import db.delivery_tables  # noqa: F401  # these add their tables to the metadata
from db.engine import Engine, transaction
from db.items import store_items
from db.migrate import current, head, upgrade
from db.tables import metadata
from db.trends import mentions
from tests.compose import ROOT
from tests.integration.samples import (
    NOON,
    SVB,
    SVB_SERIES,
    item,
    minutes,
    recounted_buckets,
    stored_buckets,
)

pytestmark = pytest.mark.integration

PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"


@pytest.fixture
def without_reader_role(postgres_url: str) -> Iterator[None]:
    """The server as if nobody had made ``tapewatch_reader``."""
    aside = f"reader_{uuid4().hex[:8]}"
    rename = "ALTER ROLE {} RENAME TO {}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        found = admin.execute("SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader'").fetchone()
        names = sql.Identifier("tapewatch_reader"), sql.Identifier(aside)
        if found is not None:
            admin.execute(sql.SQL(rename).format(*names))
        yield
        if found is not None:
            admin.execute(sql.SQL(rename).format(*reversed(names)))


def test_upgrading_twice_is_upgrading_once(empty_database_url: str) -> None:
    assert current(empty_database_url) is None

    upgrade(empty_database_url)
    upgrade(empty_database_url)

    assert current(empty_database_url) == head()


def test_upgrades_at_the_same_time_wait_for_each_other(empty_database_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(upgrade, [empty_database_url] * 3))

    assert current(empty_database_url) == head()


def test_the_migrations_make_the_tables_that_the_code_expects(engine: Engine) -> None:
    with engine.connect() as connection:
        partitions = set(connection.execute(text(PARTITIONS)).scalars())
        opts = {
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or name not in partitions,
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


@pytest.mark.usefixtures("without_reader_role")
def test_an_owner_who_may_not_create_roles_migrates_with_a_warning(
    empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(empty_database_url)
    owner = f"owner_{uuid4().hex[:8]}"
    with psycopg.connect(empty_database_url, autocommit=True) as admin:
        name, database = sql.Identifier(owner), sql.Identifier(url.database or "")
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'owner'").format(name))
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, name))
        owned = url.set(username=owner, password="owner").render_as_string(hide_password=False)

        with caplog.at_level(logging.WARNING):
            upgrade(owned)

        assert current(owned) == head()
        assert "role tapewatch_reader was not created" in caplog.text
        admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(database))
        admin.execute(sql.SQL("DROP ROLE {}").format(name))


def test_what_an_older_version_stored_counts_as_before_and_a_downgrade_keeps_it(
    engine: Engine, database_url: str
) -> None:
    with transaction(engine) as session:
        store_items(session, [item("a", topics=("Banks",))], [])

    with engine.begin() as connection:
        migrate_to(connection, "0003")
        columns = connection.execute(text("SELECT * FROM v_items")).mappings().one()
        assert (columns["entities"], "relevance" in columns) == ([SVB.name], False)
        comment = "SELECT col_description('v_items'::regclass, 9)"
        assert connection.execute(text(comment)).scalar_one().startswith("Id of the item")
        readable = "SELECT has_table_privilege('tapewatch_reader', 'v_items', 'SELECT')"
        assert connection.execute(text(readable)).scalar_one()
    upgrade(database_url)

    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)
    with transaction(engine) as session:
        [row] = mentions(session, [SVB_SERIES], since=NOON - minutes(1), until=NOON)[SVB_SERIES]
    assert row.sentiment == "negative"
    assert row.score == pytest.approx(-0.6)


def migrate_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "db" / "migrations"))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)
