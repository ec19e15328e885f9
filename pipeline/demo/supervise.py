"""Keeps child processes running the way a compose restart policy would, and ends them all.

Single-threaded: whoever owns a ``Supervisor`` calls ``tend`` again and again from the thread that
started the children (see ``tether`` for why it must be that one).
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.demo import tether

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# A child that ran this long had started well; five bad starts in a row, and it never will.
_STABLE_S = 10.0
_MOST_FAILED_STARTS = 5
_LOG_TAIL_LINES = 15


class ChildKeepsFailing(Exception):
    """A child ended soon after each of its last starts; the text holds the end of its log."""


@dataclass(slots=True)
class Child:
    """One supervised process.

    Attributes:
        restarts: How often it was started again.
        failed_starts: How often in a row it ended before it was stable.
        due_at: When it is started again; None while it runs.
    """

    name: str
    command: tuple[str, ...]
    log_path: Path
    process: subprocess.Popen[bytes]
    started_at: float
    restarts: int = 0
    failed_starts: int = 0
    due_at: float | None = field(default=None)


class Supervisor:
    """Starts children, restarts those that end, stops them together."""

    def __init__(self, log_folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Each child logs to ``log_folder``/NAME.log, which starts anew with the supervisor."""
        self._log_folder = log_folder
        self._clock = clock
        self._children: dict[str, Child] = {}

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start a child, with our environment, that is to run until ``stop``.

        Args:
            name: Of the child and of its log file.
            command: Program and arguments.

        Returns:
            The child; its ``process`` changes when it is restarted.
        """
        self._log_folder.mkdir(parents=True, exist_ok=True)
        log_path = self._log_folder / f"{name}.log"
        log_path.write_bytes(b"")
        process = _spawn(command, log_path)
        child = Child(name, tuple(command), log_path, process, self._clock())
        self._children[name] = child
        return child

    def tend(self) -> list[str]:
        """Restart whoever ended and is due; ChildKeepsFailing if one never gets up.

        Returns:
            At once, with a sentence for each child that was found ended.
        """
        news = []
        for child in self._children.values():
            if child.due_at is None and child.process.poll() is not None:
                news.append(self._note_end(child))
            if child.due_at is not None and self._clock() >= child.due_at:
                child.process = _spawn(child.command, child.log_path)
                child.started_at = self._clock()
                child.due_at = None
                child.restarts += 1
        return news

    def _note_end(self, child: Child) -> str:
        now = self._clock()
        tether.kill_group(child.process.pid)
        stable = now - child.started_at >= _STABLE_S
        child.failed_starts = 0 if stable else child.failed_starts + 1
        if child.failed_starts >= _MOST_FAILED_STARTS:
            said = tail(child.log_path)
            raise ChildKeepsFailing(f"{child.name} does not stay up, see {child.log_path}:\n{said}")
        pause_s = min(_FIRST_PAUSE_S * 2 ** max(child.failed_starts - 1, 0), _LONGEST_PAUSE_S)
        child.due_at = now + pause_s
        status = child.process.returncode
        return f"{child.name} ended with status {status}; it starts again in {pause_s:g} s"

    def stop(self, *, wait_s: float = 12.0) -> None:
        """End all children: SIGTERM to all at once, SIGKILL to those that take too long."""
        tether.stop(*(child.process for child in self._children.values()), wait_s=wait_s)
        self._children.clear()


def tail(path: Path, lines: int = _LOG_TAIL_LINES) -> str:
    """Return the last lines of a log file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _spawn(command: Sequence[str], log_path: Path) -> subprocess.Popen[bytes]:
    with log_path.open("ab") as log:
        return tether.start(command, log=log)
