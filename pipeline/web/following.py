"""Follows what is said about alerts, event by event, for streams.

The table is asked once a second rather than by LISTEN: that would hold a connection a process,
fail behind a pooler of transactions, and still need the table after each break. However many
streams there are, a process asks for the newest position once a second; a stream reads events
only when there are new ones.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from db.alert_events import alert_events, last_position
from db.alert_rows import AlertEventRow
from db.engine import DatabaseAway, Engine, transaction

LOOK_EVERY_S = 1.0
_RECHECK_S = 15.0
_BATCH = 100


class Follower:
    """Shared by all streams of a process.

    Args:
        engine: The database; while it is away, streams wait.
        most: Streams at a time.
    """

    def __init__(self, engine: Engine, *, most: int) -> None:
        self._engine = engine
        self._free = threading.BoundedSemaphore(most)
        self._lock = asyncio.Lock()
        self._newest, self._looked_s = 0, float("-inf")
        self.stopping = threading.Event()

    def take(self) -> bool:
        """Take one of the places for streams; False if none is free."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()

    async def newest(self) -> int:
        """Return the newest position, as it was at most a second ago.

        Raises DatabaseAway as ``db.engine.transaction`` does.
        """
        async with self._lock:
            if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
                self._newest = await run_in_threadpool(self._read_newest)
                self._looked_s = time.monotonic()
            return self._newest

    async def follow(
        self, after: int, *, may_go_on: Callable[[], bool]
    ) -> AsyncIterator[tuple[int, AlertEventRow]]:
        """Yield events with their positions, in order, each once, until the process stops.

        Args:
            after: The last position that is known already.
            may_go_on: Asked in a thread every 15 s; the stream ends where it says no.
        """
        checked_s = time.monotonic()
        while not self.stopping.is_set():
            try:
                if time.monotonic() - checked_s >= _RECHECK_S:
                    checked_s = time.monotonic()
                    if not await run_in_threadpool(may_go_on):
                        return
                found = []
                if await self.newest() > after:
                    found = await run_in_threadpool(self._read, after)
            except DatabaseAway:
                found = []
            for position, event in found:
                yield position, event
                after = position
            if not found:
                await asyncio.sleep(LOOK_EVERY_S)

    def _read_newest(self) -> int:
        with transaction(self._engine) as session:
            return last_position(session)

    def _read(self, after: int) -> list[tuple[int, AlertEventRow]]:
        with transaction(self._engine) as session:
            return alert_events(session, after=after, limit=_BATCH)
