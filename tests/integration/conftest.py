"""A real PostgreSQL and a real broker: started once a session, or given by the environment.

``TAPEWATCH_TEST_DATABASE_URL`` and ``TAPEWATCH_TEST_KAFKA`` name servers that run already (the
database role must be allowed to create databases). Each test gets a fresh, migrated database.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from db.engine import Engine, create_engine
from db.migrate import upgrade
from pipeline.demo.embedded import start_broker, start_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a server's maintenance database."""
    given = os.environ.get("TAPEWATCH_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # Not in pytest's own folder: another pytest that starts closes it to the server's user.
    with tempfile.TemporaryDirectory(prefix="tapewatch-test-") as folder:
        server = start_postgres(Path(folder) / "cluster")
        yield server.url
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database that tests copy."""
    name = _create_database(postgres_url)
    upgrade(_url_of(postgres_url, name))
    yield name
    _drop_database(postgres_url, name)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """URL of a fresh database without any tables."""
    name = _create_database(postgres_url)
    yield _url_of(postgres_url, name)
    _drop_database(postgres_url, name)


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """URL of a fresh database with the newest schema."""
    name = _create_database(postgres_url, template=migrated_template)
    yield _url_of(postgres_url, name)
    _drop_database(postgres_url, name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh, migrated database."""
    engine = create_engine(database_url, statement_timeout_s=20)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def bootstrap_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a broker; tests make topics of their own."""
    given = os.environ.get("TAPEWATCH_TEST_KAFKA")
    if given:
        yield given
        return
    log_path: Path = tmp_path_factory.mktemp("broker") / "broker.log"
    broker = start_broker(log_path=log_path)
    yield broker.bootstrap_servers
    broker.stop()


def _url_of(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def _create_database(server_url: str, template: str = "template1") -> str:
    name = f"tapewatch_test_{uuid4().hex[:12]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    return name


def _drop_database(server_url: str, name: str) -> None:
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(drop.format(sql.Identifier(name)))
