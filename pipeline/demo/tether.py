"""Child processes that cannot outlive their parent.

Each child has a process group of its own (so Ctrl-C in a terminal reaches only the parent, which
then stops the children in order) and, on Linux, is signalled by the kernel when the parent dies,
however it dies. Start children from a thread that lives as long as they should: the kernel looks
at the thread, not at the process.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_KILL_WAIT_S = 10.0
# Loaded here because the child may not import anything between fork and exec.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start(
    command: Sequence[str],
    *,
    log: IO[bytes] | int = subprocess.DEVNULL,
    cwd: Path | None = None,
    user: str | None = None,
    on_parent_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child that gets ``on_parent_death`` from the kernel when the calling thread ends.

    Args:
        command: Program and arguments; no shell.
        log: Where standard output and error go.
        cwd: Folder that it runs in; None inherits.
        user: System user to become; only root may.
        on_parent_death: Signal of the kernel; Linux only, elsewhere nothing is sent.

    Returns:
        The running child.
    """
    parent = os.getpid()
    account = pwd.getpwnam(user) if user else None

    def tie() -> None:
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(on_parent_death), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return subprocess.Popen(  # noqa: S603  # our own command lines
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        process_group=0,
        preexec_fn=tie,  # noqa: PLW1509  # touches nothing but prctl
    )


def stop(
    *processes: subprocess.Popen[bytes],
    polite: signal.Signals = signal.SIGTERM,
    wait_s: float = 15.0,
) -> None:
    """Ask children to end, then kill those that do not, and what is left of their groups.

    One that is not gone a while after it was killed, on a machine with no time for it, is left to
    the kernel: the others are ended all the same.

    Args:
        processes: From ``start``; those that have ended already are fine.
        polite: The first signal, sent to all at once.
        wait_s: How long they may take together before they are killed.
    """
    for process in processes:
        if process.poll() is None:
            process.send_signal(polite)
    for process in _left(processes, wait_s):
        process.kill()
    _left(processes, _KILL_WAIT_S)
    for process in processes:
        kill_group(process.pid)


def _left(
    processes: Sequence[subprocess.Popen[bytes]], wait_s: float
) -> list[subprocess.Popen[bytes]]:
    """Wait until all have ended, at most so long together; return those that have not."""
    deadline = time.monotonic() + wait_s
    left = []
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            left.append(process)
    return left


def kill_group(group: int) -> None:
    """Kill whatever a child that has ended left in its process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
