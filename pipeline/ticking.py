"""Runs jobs again and again by APScheduler, also across a wall clock that is set.

APScheduler reckons by the wall clock: one set back by an hour would leave every job waiting for an
hour. A watch compares it with the clock that nobody sets, and gives every job its turn when the
two part.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

# A clock that a time service draws in slowly is no jump.
_JUMP_S = 2.0
_LOOK_EVERY_S = 1.0

log = structlog.stdlib.get_logger(__name__)


class Ticking:
    """Runs each job in its turn, in threads of its own.

    A job never overlaps itself, and the turns that a long run misses become a single one. A job
    that raises is logged and has its next turn all the same.

    Args:
        threads: Most jobs that run at the same moment.
    """

    def __init__(self, *, threads: int) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": {"type": "threadpool", "max_workers": threads}},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        self._watch = threading.Thread(target=self._watch_clock, name="clock-watch", daemon=True)
        self._stopped = threading.Event()

    def add(
        self,
        job: Callable[[], object],
        *,
        every_s: float,
        first_in_s: float = 0.0,
        jitter_s: float = 0.0,
    ) -> None:
        """Have a job run after a while and then every so many seconds, give or take the jitter."""

        def turn() -> None:
            try:
                job()
            except Exception:  # the outermost edge of the job's thread
                log.exception("job_failed")

        self._scheduler.add_job(
            turn,
            "interval",
            seconds=every_s,
            next_run_time=datetime.now(UTC) + timedelta(seconds=first_in_s),
            jitter=jitter_s or None,
        )

    def start(self) -> None:
        """Begin with the turns; returns at once."""
        self._scheduler.start()
        self._watch.start()

    def shutdown(self) -> None:
        """Give no more turns; wait for the jobs that run."""
        self._stopped.set()
        self._watch.join()
        self._scheduler.shutdown(wait=True)

    def _watch_clock(self) -> None:
        ahead = _ahead_s()
        while not self._stopped.wait(_LOOK_EVERY_S):
            moved, ahead = _ahead_s() - ahead, _ahead_s()
            if abs(moved) >= _JUMP_S:
                log.warning("clock_was_set", by_s=round(moved, 1))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))


def _ahead_s() -> float:
    """Return how far the wall clock is ahead of the clock that nobody sets."""
    return time.time() - time.monotonic()
