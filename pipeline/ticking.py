"""Runs jobs again and again by a clock that nobody sets: a wall clock that jumps moves nothing."""

import heapq
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

log = structlog.stdlib.get_logger(__name__)


@dataclass(order=True, slots=True)
class _Turn:
    due_s: float
    number: int
    job: Callable[[], object] = field(compare=False)
    every_s: float = field(compare=False)
    jitter_s: float = field(compare=False)


class Ticking:
    """Runs each job in its turn, in threads of its own.

    A job never overlaps itself, and the turns that a long run misses become a single one. A job
    that raises is logged and has its next turn all the same.

    Args:
        threads: Most jobs that run at the same moment.
    """

    def __init__(self, *, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._clock = threading.Thread(target=self._run, name="ticking", daemon=True)
        self._changed = threading.Condition()
        self._turns: list[_Turn] = []
        self._stopped = False

    def add(
        self,
        job: Callable[[], object],
        *,
        every_s: float,
        first_in_s: float = 0.0,
        jitter_s: float = 0.0,
    ) -> None:
        """Have a job run after a while and then every so many seconds, give or take the jitter."""
        with self._changed:
            turn = _Turn(time.monotonic() + first_in_s, len(self._turns), job, every_s, jitter_s)
            heapq.heappush(self._turns, turn)
            self._changed.notify()

    def start(self) -> None:
        """Begin with the turns; returns at once."""
        self._clock.start()

    def shutdown(self) -> None:
        """Give no more turns; wait for the jobs that run."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._clock.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            self._pool.submit(self._take, turn)

    def _next(self) -> _Turn | None:
        """Wait for the next turn that is due; None when there are to be no more."""
        with self._changed:
            while not self._stopped:
                wait_s = self._turns[0].due_s - time.monotonic() if self._turns else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._turns)
                self._changed.wait(wait_s)
        return None

    def _take(self, turn: _Turn) -> None:
        try:
            turn.job()
        except Exception:  # the outermost edge of the job's thread
            log.exception("job_failed")
        jitter_s = random.uniform(-turn.jitter_s, turn.jitter_s)  # noqa: S311  # no secret
        turn.due_s = max(turn.due_s + turn.every_s + jitter_s, time.monotonic())
        with self._changed:
            heapq.heappush(self._turns, turn)
            self._changed.notify()
