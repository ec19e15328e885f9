"""Recorded news: JSON lines from a file (plain or .gz) or a stream. Pacing: see Pace."""

import gzip
import io
import os
import selectors
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pipeline.messages import BadItem, Limits, NewsItem, Reason, parse_item
from pipeline.raw_masking import mask_raw
from pipeline.sources.base import Unreadable

# Far above any item that is not too long; what is longer is read past, not into memory.
_MAX_LINE_BYTES = 8 * 1024 * 1024
_KEPT_BYTES = 64 * 1024
_READ_BYTES = 64 * 1024
_LOOK_EVERY_S = 0.25

_Stream = BinaryIO | io.BufferedReader | gzip.GzipFile


class SourceError(Exception):
    """The source itself cannot be read; the text says what to do."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Lines:
    """JSON lines of a file, or of standard input where ``path`` is None.

    Attributes:
        path: A file; gzip is recognised by its content.
        limits: What is too long and too far ahead.
        until: Items from this event time on are left out; the file need not be in order.
        lines: Lines that were not blank.
    """

    path: Path | None
    limits: Limits
    until: datetime | None = None
    now: Callable[[], datetime] = _now
    lines: int = field(default=0, init=False)
    _file: BinaryIO | None = field(default=None, init=False)

    def records(self, stopping: threading.Event | None = None) -> Iterator[NewsItem | Unreadable]:
        """Yield the items and the unreadable lines, in the order of the file.

        Args:
            stopping: Ends the waiting for standard input, perhaps in the middle of a line.

        Yields:
            Blank lines and items from ``until`` on are left out.

        Raises:
            SourceError: If the file cannot be read, or its compression is damaged.
        """
        name = "stdin" if self.path is None else self.path.name
        try:
            with self._open(stopping) as stream:
                for number, line in enumerate(_lines(stream), start=1):
                    record = self._record(line, f"{name}:{number}")
                    if record is not None:
                        yield record
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"cannot read {self.path or 'standard input'}: {error}") from error

    def _record(self, line: bytes, origin: str) -> NewsItem | Unreadable | None:
        if not line.strip():
            return None
        self.lines += 1
        if len(line) > _MAX_LINE_BYTES:
            error = BadItem(Reason.TOO_LONG, f"a line of more than {_MAX_LINE_BYTES} bytes")
            return self._unreadable(line[:_KEPT_BYTES], error, origin)
        try:
            item = parse_item(line, now=self.now(), limits=self.limits)
        except BadItem as error:
            return self._unreadable(line, error, origin)
        if self.until is not None and item.published_at >= self.until:
            return None
        return item

    def _unreadable(self, line: bytes, error: BadItem, origin: str) -> Unreadable:
        return Unreadable(mask_raw(line, self.limits.mask), error, origin)

    @property
    def position(self) -> int:
        """Bytes of the file read so far, compressed ones of a .gz file."""
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    @contextmanager
    def _open(self, stopping: threading.Event | None) -> Iterator[_Stream]:
        if self.path is None:
            if stopping is None:
                yield sys.stdin.buffer
            else:
                yield io.BufferedReader(_Interruptible(sys.stdin.fileno(), stopping), _READ_BYTES)
            return
        with self.path.open("rb") as file:
            self._file = file
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                yield file
                return
            with gzip.open(file) as unpacked:
                yield unpacked


@dataclass(slots=True)
class Pace:
    """Lets event time pass ``speed`` times as fast as the clock; None: as fast as it goes."""

    speed: float | None
    clock: Callable[[], float] = time.monotonic
    _started: tuple[datetime, float] | None = field(default=None, init=False)

    def wait_s(self, published_at: datetime) -> float:
        """Return how long to wait before the item may go; 0 for one that is late."""
        if self.speed is None:
            return 0.0
        if self._started is None:
            self._started = (published_at, self.clock())
        first_at, started = self._started
        due = started + (published_at - first_at).total_seconds() / self.speed
        return max(0.0, due - self.clock())


class _Interruptible(io.RawIOBase):
    """Reads a descriptor; at its end once ``stopping`` is set, even while nothing comes.

    A handler that only sets an event does not interrupt a read: Python takes it up again.
    """

    def __init__(self, descriptor: int, stopping: threading.Event) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._stopping = stopping

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than the protocol Buffer, which 3.11 has not
        with selectors.PollSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not self._stopping.is_set():
                if selector.select(_LOOK_EVERY_S):
                    content = os.read(self._descriptor, len(buffer))
                    buffer[: len(content)] = content
                    return len(content)
        return 0


def _lines(stream: _Stream) -> Iterator[bytes]:
    """Yield lines; of one that is too long only its start."""
    while line := stream.readline(_MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > _MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(_MAX_LINE_BYTES + 1)
        yield line
