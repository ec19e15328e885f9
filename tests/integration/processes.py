"""Services as real processes, run by the command line as an operator runs them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

_RUN = "from pipeline.cli.main import main; main()"


@dataclass
class Service:
    """A running process and the file that holds its log."""

    process: subprocess.Popen[bytes]
    log_path: Path

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of one event so far."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry["event"] == event]

    def terminate(self, within_s: float = 20.0) -> tuple[int, float]:
        """Send SIGTERM; return the exit status and the seconds until it came."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s), monotonic() - began

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.process.wait(10)


def run_command(
    *arguments: str, environment: Mapping[str, str], stdin: bytes = b"", within_s: float = 60.0
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of `tapewatch` to its end."""
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", _RUN, *arguments],
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        timeout=within_s,
        check=False,
    )


@contextmanager
def service(command: str, environment: Mapping[str, str], log_path: Path) -> Iterator[Service]:
    """Run a command of `tapewatch` while the block runs.

    Yields:
        The running service.
    """
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-c", _RUN, command],
            env={**os.environ, "TAPEWATCH_LOG_JSON": "true", **environment},
            stderr=log,
        )
    running = Service(process, log_path)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.kill()


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
