"""A way for an unprivileged user through folders that only root may pass, closed behind it."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_PASS = stat.S_IXOTH
_ANYBODY = stat.S_IROTH | stat.S_IXOTH


class Passage:
    """Folders that others may pass (o+x, not o+r) until it is closed.

    Servers may share a folder. Each holds a lock on it that others share, so that the one that
    opened it leaves it open to those that still run. Whoever is killed closes nothing.
    """

    def __init__(self) -> None:
        self._modes: dict[int, int] = {}

    def open(self, folders: Iterable[Path]) -> list[Path]:
        """Let others pass these folders; return those that were changed for it."""
        opened = []
        for folder in sorted(folders):
            if folder.stat().st_mode & _ANYBODY == _ANYBODY:  # open for good, and not by us
                continue
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(held, fcntl.LOCK_SH)
            self._modes[held] = stat.S_IMODE(os.fstat(held).st_mode)
            if not self._modes[held] & _PASS:
                os.fchmod(held, self._modes[held] | _PASS)
                opened.append(folder)
        return opened

    def close(self) -> None:
        """Give each folder that it changed its mode back, unless another server needs it."""
        while self._modes:
            held, mode = self._modes.popitem()
            if not mode & _PASS:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.fchmod(held, mode)
            os.close(held)
