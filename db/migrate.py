"""Bring a database to this version's schema. The steps lie in db.migrations.versions."""

import logging
from functools import cache
from pathlib import Path
from typing import cast

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from db.engine import Session, create_engine, transaction

_log = logging.getLogger(__name__)

# Any number will do, as long as every version of tapewatch takes the same.
_LOCK = 7_402_389_112


def upgrade(url: str) -> None:
    """Migrate to the newest schema, in one transaction; does nothing where that is reached.

    Whoever calls at the same time waits, and then has nothing to do. The URL's role may
    create tables (and roles, for ``tapewatch_reader``). Raises DatabaseAway as
    ``db.engine.transaction`` does.
    """
    engine = create_engine(url, pool_size=1, statement_timeout_s=0)
    try:
        with transaction(engine) as session:
            session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            config = _config()
            connection = session.connection()
            _log_notices(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """Return the revision that the database is at; None before the first migration."""
    engine = create_engine(url, pool_size=1)
    try:
        with transaction(engine) as session:
            return revision(session)
    finally:
        engine.dispose()


def revision(session: Session) -> str | None:
    """Return the revision that the database is at, as ``current``."""
    return MigrationContext.configure(session.connection()).get_current_revision()


@cache
def head() -> str:
    """Return the revision that this version of tapewatch needs."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "the package carries no migrations"  # noqa: S101  # a broken wheel
    return newest


def _log_notices(connection: sa.Connection) -> None:
    """Pass on the server's warnings, which else nobody would see."""
    driver = cast("psycopg.Connection[object]", connection.connection.driver_connection)
    driver.add_notice_handler(
        lambda notice: (
            _log.warning("database_notice: %s", notice.message_primary)
            if notice.severity_nonlocalized == "WARNING"
            else None
        )
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
