"""How long to wait while something is away, and the one log line for each change of state."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)

_FIRST_S = 0.2
_MOST_S = 10.0  # a database that is back is used at most this much later


class Stopping(Exception):
    """The process was asked to stop while it waited."""


def waits(
    rng: random.Random, *, first_s: float = _FIRST_S, most_s: float = _MOST_S
) -> Iterator[float]:
    """Yield waits in seconds without end: doubling up to ``most_s``, each between half and whole.

    The jitter keeps many workers from coming back at the same moment.
    """
    ceiling = first_s
    while True:
        yield ceiling * rng.uniform(0.5, 1.0)
        ceiling = min(ceiling * 2, most_s)


@dataclass(slots=True)
class Outage:
    """Logs once when something goes away, once for each new cause, and once when it is back."""

    what: str
    _since: float | None = field(default=None, init=False)
    _cause: str = field(default="", init=False)

    def failed(self, error: BaseException) -> None:
        """Note an attempt that failed."""
        cause = type(error).__name__
        if self._since is None or cause != self._cause:
            log.warning("away", what=self.what, error=cause, detail=brief(error))
        self._since = self._since or time.monotonic()
        self._cause = cause

    def succeeded(self) -> None:
        """Note an attempt that worked."""
        if self._since is not None:
            log.info("back", what=self.what, after_s=round(time.monotonic() - self._since, 1))
            self._since = None


async def persist(
    attempt: Callable[[], Awaitable[T]],
    *,
    outage: Outage,
    is_away: Callable[[BaseException], bool],
    stopping: asyncio.Event,
) -> T:
    """Return what ``attempt`` returns, trying again for as long as it is away.

    Raises Stopping if ``stopping`` was set while it waited. What
    ``is_away`` does not know is raised at once.
    """
    for wait_s in waits(random.Random()):  # noqa: S311  (jitter)
        try:
            result = await attempt()
        except Exception as error:
            if not is_away(error):
                raise
            outage.failed(error)
            if await set_within(stopping, wait_s):
                raise Stopping from error
        else:
            outage.succeeded()
            return result
    raise AssertionError("waits() does not end")


def persist_for(
    attempt: Callable[[], T],
    *,
    outage: Outage,
    is_away: Callable[[BaseException], bool],
    most_s: float,
    stopping: threading.Event | None = None,
) -> T:
    """Return what ``attempt`` returns, trying again for at most ``most_s`` seconds; blocks.

    Raises Stopping if ``stopping`` was set while it waited. The last failure
    is raised when the time is over, and what ``is_away`` does not know at once.
    """
    until = time.monotonic() + most_s
    stop = stopping or threading.Event()
    for wait_s in waits(random.Random(), most_s=2.0):  # noqa: S311  (jitter)
        try:
            result = attempt()
        except Exception as error:
            if not is_away(error) or time.monotonic() + wait_s > until:
                raise
            outage.failed(error)
            if stop.wait(wait_s):
                raise Stopping from error
        else:
            outage.succeeded()
            return result
    raise AssertionError("waits() does not end")


async def set_within(event: asyncio.Event, wait_s: float) -> bool:
    """Wait until the event is set or the time is over; tell whether it is set."""
    try:
        await asyncio.wait_for(event.wait(), wait_s)
    except TimeoutError:
        return False
    return True


def brief(error: BaseException) -> str:
    """Return the first line of an error, cut short."""
    return (str(error).strip().splitlines() or [""])[0][:200]
