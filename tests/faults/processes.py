"""The services as processes of their own, and the supervisor that starts them again.

They are forked from a server that has imported all that they need, which saves seconds a start.
What runs in them is the command line, as an operator runs it.
"""

import ctypes
import json
import multiprocessing
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_PRELOAD = (
    "torch",
    "transformers.models.bert.modeling_bert",
    # What Faust would import at its first use.
    "faust.app.base",
    "faust.tables.recovery",
    "faust.transport.drivers.aiokafka",
    "faust.worker",
    "pipeline.cli.main",
    "pipeline.worker",
    "pipeline.scheduler",
    "pipeline.web.serve",
    "models.loading",
    "models.entities.gazetteer",
    "tests.faults.processes",
)
_CONTEXT = multiprocessing.get_context("forkserver")
_PR_SET_PDEATHSIG = 1
_CLOCK_SOURCE = Path(__file__).with_name("clock.c")


@dataclass(slots=True)
class Clock:
    """The wall clock of all services; the file holds how many seconds it is off."""

    path: Path

    def jump(self, seconds: int) -> None:
        """Set the clock this far from the true time."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("@l", seconds))


def start_server(folder: Path) -> Clock | None:
    """Start the server that services are forked from; to be called before the first of them.

    Returns:
        The services' clock; None where there is no C compiler to make it jump.
    """
    clock, variables = _build_clock(folder)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        _CONTEXT.set_forkserver_preload(list(_PRELOAD))
        warm = _CONTEXT.Process(target=os.getpid)
        warm.start()
        warm.join(120)
        assert warm.exitcode == 0
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return clock


def _build_clock(folder: Path) -> tuple[Clock | None, dict[str, str]]:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None, {}
    library, path = folder / "clock.so", folder / "clock"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_CLOCK_SOURCE), "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603  # our own source
    path.write_bytes(struct.pack("@l", 0))
    return Clock(path), {"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(path)}


def _run(arguments: Sequence[str], environment: Mapping[str, str], log_path: str) -> None:
    """Be a service; runs in the forked process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    os.setsid()
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["tapewatch", *arguments]
    from pipeline.cli.main import main

    main()


@dataclass(slots=True)
class Service:
    """A service that is started again when it ends, until it is stopped.

    Attributes:
        name: Of its log.
        ends: Exit status of each process that has ended.
        held: Not started again while this is set.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log_path: Path
    process: ForkServerProcess = field(init=False)
    ends: list[int] = field(default_factory=list)
    held: bool = False
    _due_at: float | None = None

    def start(self) -> None:
        """Start a process of it."""
        self.log_path.touch()
        self.process = _CONTEXT.Process(
            target=_run,
            args=(self.arguments, dict(self.environment), str(self.log_path)),
            daemon=True,  # it ends with us, whatever happens
        )
        self.process.start()
        self._due_at = None

    def tend(self) -> None:
        """Start it again if it has ended, after a moment."""
        if self.process.exitcode is None or self.held:
            return
        if self._due_at is None:
            self.ends.append(self.process.exitcode)
            self._due_at = time.monotonic() + 0.2
        elif time.monotonic() >= self._due_at:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.process.exitcode is None and self.process.pid:
            os.kill(self.process.pid, number)

    def ask_to_end(self) -> None:
        """Send SIGTERM, awake or not."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines of one event so far."""
        lines = self.log_path.read_text("utf-8", "replace").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry.get("event") == event]
