"""A file of alert events, one JSON object a line, that survives a crash at any moment."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self


class AlertFile:
    """Appends events; each is on disk when ``append`` returns, and is there once.

    A line that a crash cut short was never confirmed to its sender: it is removed. Raises OSError
    if the file can be neither opened nor made.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("a+b")
        self._file.seek(0)
        self._lines: set[bytes] = set()
        whole = 0
        for line in self._file:
            if line.endswith(b"\n"):
                self._lines.add(line)
                whole += len(line)
        self._file.truncate(whole)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def append(self, body: bytes) -> bool:
        """Write an event's JSON as one line; False if the file has it already."""
        line = (body if b"\n" not in body else _one_line(body)) + b"\n"
        if line in self._lines:
            return False
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._lines.add(line)
        return True


def _one_line(body: bytes) -> bytes:
    return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
