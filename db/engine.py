"""Connections, transactions, and which database errors pass by waiting.

Nothing connects on import, and nothing here retries: the caller decides how long to wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from psycopg.errors import QueryCanceled
from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

__all__ = [
    "DatabaseAway",
    "Engine",
    "Session",
    "TooSlow",
    "ValueRefused",
    "create_engine",
    "is_away",
    "is_of_schema",
    "transaction",
]

# psycopg files a primary turned read-only (failover) under InternalError, which else means a bug.
_READ_ONLY = "25006"
_CONNECT_TIMEOUT_S = 10
# Before a server that a network partition or a failover silenced is given up; the system's own
# bound is two hours. Probes go on meanwhile, so that a statement may take longer.
_SILENCE_S = 30
# Of the time that a statement has, what it may wait for one lock.
_LOCK_SHARE = 0.9
# No transaction of ours thinks for longer between two statements; one whose process was frozen
# may hold the lock that all workers wait for.
_IDLE_S = 60


class DatabaseAway(Exception):
    """The database cannot be used now; the same work may succeed later."""


class TooSlow(DatabaseAway):
    """A statement was cut short, and not because it waited for a lock: there is too much to read.

    It may succeed later, when the server is less busy.
    """


class ValueRefused(Exception):
    """A value is one that the database cannot hold: a NUL in a text, a number out of range."""


def create_engine(
    url: str,
    *,
    pool_size: int = 5,
    statement_timeout_s: float = 30.0,
    silence_s: int = _SILENCE_S,
    idle_s: float = _IDLE_S,
) -> Engine:
    """Return an engine whose sessions speak UTC; connects to nothing yet.

    Args:
        url: ``postgresql://...`` (or ``postgres://``, ``postgresql+psycopg://``).
        pool_size: Connections kept open; as many again may be opened under load.
        statement_timeout_s: A longer statement is cancelled; 0: never. One that waits for a lock
            is given up a little sooner, and told from one that is slow by itself.
        silence_s: A connection whose other end acknowledges nothing for so long is broken.
        idle_s: The server ends a transaction that asks nothing for longer.

    Returns:
        The engine; dispose of it.
    """
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    own = (
        f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)}"
        f" -c lock_timeout={int(statement_timeout_s * 1000 * _LOCK_SHARE)}"
        f" -c idle_in_transaction_session_timeout={int(idle_s * 1000)}"
    )
    given = parsed.query.get("options", "")
    options = " ".join([*([given] if isinstance(given, str) else given), own]).strip()
    engine = sa.create_engine(
        parsed.difference_update_query(["options"]),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # an error must not carry the text of an item
        connect_args={
            "options": options,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "tapewatch",
            **_probes(silence_s),
        },
    )
    sa.event.listen(engine, "handle_error", _leave_read_only)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Open a session that commits at the end of the block and rolls back if it raises.

    An error of the database that ``is_away`` comes out as DatabaseAway, of which TooSlow is one
    kind; one that a value of the caller's gave as ValueRefused. Nothing of the block
    was committed then, unless the connection broke in the commit itself: writes must be
    idempotent.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except Exception as error:
        if isinstance(error, OperationalError) and isinstance(error.orig, QueryCanceled):
            raise TooSlow(str(error.orig).strip()) from error
        if is_away(error) and not isinstance(error, DatabaseAway):
            raise DatabaseAway(str(getattr(error, "orig", error)).strip()) from error
        if isinstance(error, DataError):
            raise ValueRefused(str(error.orig).strip()) from error
        raise


def is_away(error: BaseException) -> bool:
    """Tell whether the same work may succeed later, as opposed to a bug or bad data."""
    if isinstance(error, DatabaseAway | OperationalError | InterfaceError | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or state == _READ_ONLY
    return False


def _probes(silence_s: int) -> dict[str, int]:
    """Return what makes libpq notice a silent server; it leaves Unix sockets alone."""
    half_s = max(silence_s // 2, 1)
    return {
        "keepalives_idle": half_s,
        "keepalives_interval": max(half_s // 3, 1),
        "keepalives_count": 3,
        "tcp_user_timeout": silence_s * 1000,  # bounds what was sent, as probes the waiting
    }


def is_of_schema(error: BaseException) -> bool:
    """Tell whether a statement failed for what the database is or allows, whatever its values."""
    return isinstance(error, ProgrammingError | InternalError | NotSupportedError)


def _leave_read_only(context: sa.engine.ExceptionContext) -> None:
    """Drop all connections after one was read-only: they may stay so when the server no longer is.

    That is a property of the session where ``default_transaction_read_only`` made it, and of the
    server behind the connection after a failover.
    """
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
