"""What goes wrong with PostgreSQL."""

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
from psycopg import sql

from pipeline.demo import tether
from tests.faults.fault import pause
from tests.faults.trial import Trial

_OURS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = 'tapewatch' AND pid <> pg_backend_pid()"""


def killed(trial: Trial, rng: random.Random) -> None:
    """Kill the server, and start it after a while."""
    server = trial.bench.postgres.process
    server.send_signal(signal.SIGKILL)
    server.wait(10)
    pause(trial, rng.uniform(0.0, 3.0))
    trial.bench.revive_postgres()


def restarted(trial: Trial, rng: random.Random) -> None:
    """Shut the server down as an upgrade does."""
    tether.stop(trial.bench.postgres.process, polite=signal.SIGINT, wait_s=20)
    pause(trial, rng.uniform(0.0, 3.0))
    trial.bench.revive_postgres()


def out_of_connections(trial: Trial, rng: random.Random) -> None:
    """Take all connections away, those in use first."""
    with ExitStack() as stack:
        one = stack.enter_context(_admin(trial))
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(trial.bench.postgres.url))
        one.execute(_OURS)
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(trial.bench.postgres.url))
        pause(trial, rng.uniform(0.5, 3.0))


def read_only(trial: Trial, rng: random.Random) -> None:
    """Take no writes for a while, as a replica does, with the sessions that there are or anew."""
    name = sql.Identifier(trial.name)
    with _admin(trial) as connection:
        setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        connection.execute(setting.format(name))
        connection.execute(_OURS)
        pause(trial, rng.uniform(0.5, 2.0))
        reset = sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only")
        connection.execute(reset.format(name))


def disk_full(trial: Trial, rng: random.Random) -> None:
    """Fill the disk to the last byte, and make room again."""
    bench = trial.bench
    assert bench.disk is not None
    ballast = bench.disk / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)
        pause(trial, rng.uniform(1.0, 3.0))
    finally:
        ballast.unlink(missing_ok=True)
    # It ends itself where it could not write its own log.
    bench.revive_postgres()


def deadlock(trial: Trial, rng: random.Random) -> None:
    """Make the worker's transaction the victim of a deadlock, several times."""
    for _ in range(rng.randrange(1, 4)):
        with suppress(psycopg.Error), psycopg.connect(trial.database_url) as other:
            # The first to notice is the victim, and that is to be the worker.
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("SET lock_timeout = '2500ms'")
            other.execute("LOCK TABLE trend_5m IN SHARE MODE")
            pause(trial, rng.uniform(0.1, 0.4))
            other.execute("LOCK TABLE items IN SHARE MODE")


def statement_timeout(trial: Trial, rng: random.Random) -> None:
    """Hold a lock for longer than a statement may wait."""
    table = sql.Identifier(rng.choice(("items", "trend_5m", "partition_progress", "outbox")))
    with psycopg.connect(trial.database_url) as other:
        other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        pause(trial, rng.uniform(2.2, 3.5))
        other.rollback()


@contextmanager
def _admin(trial: Trial) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(trial.bench.postgres.url, autocommit=True) as connection:
        yield connection
