"""What runs the scheduler's jobs on a clock, and what ends the process."""

import threading
from collections.abc import Callable, Mapping
from types import FrameType

import structlog

from db.engine import TooSlow
from pipeline.backoff import Outage, brief
from pipeline.scheduler_metrics import TICK_SECONDS, TICKS
from pipeline.schema import Schema
from pipeline.ticking import Ticking

log = structlog.stdlib.get_logger(__name__)

# Jobs share outages: without it both would tell of the same one.
_telling = threading.Lock()


class Job:
    """Runs one job again and again: what passes is logged once, a bug ends the process.

    Args:
        name: Label of its metrics.
        tick: The work of one run.
        schema: What it waits for.
        outages: What may be away; also by subclasses of these errors.
        on_bug: Told of every other exception.
    """

    def __init__(
        self,
        name: str,
        tick: Callable[[], object],
        *,
        schema: Schema,
        outages: Mapping[type[Exception], Outage],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._name = name
        self._tick = tick
        self._schema = schema
        self._outages = outages
        self._on_bug = on_bug
        self._is_slow = False

    def __call__(self) -> None:
        """Run once."""
        result = "done"
        with TICK_SECONDS.labels(self._name).time():
            try:
                self._schema.require()
                self._tick()
            except TooSlow as error:
                self._tell_slow(error)
                result = "slow"
            except tuple(self._outages) as error:
                with _telling:
                    self._outage(error).failed(error)
                result = "away"
            except Exception as error:  # noqa: BLE001  # outermost edge of the job's thread
                self._on_bug(error)
                result = "bug"
            else:
                self._is_slow = False
                with _telling:
                    for outage in self._outages.values():
                        outage.succeeded()
        TICKS.labels(self._name, result).inc()

    def _outage(self, error: Exception) -> Outage:
        return next(outage for kind, outage in self._outages.items() if isinstance(error, kind))

    def _tell_slow(self, error: TooSlow) -> None:
        """Log once that this job asks too much: the database is not away for the others."""
        if not self._is_slow:
            log.error("too_slow", job=self._name, detail=brief(error))
        self._is_slow = True


class Stop:
    """Why the process is to end: a signal, or a bug in one of its threads."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.bug: Exception | None = None
        self._signalled = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Note a signal; takes no lock, for the interrupted code may hold it."""
        self._signalled = True

    def on_bug(self, error: Exception) -> None:
        """Note what a thread could not cope with."""
        self.bug = self.bug or error
        self.event.set()

    def wait(self) -> None:
        """Wait until there is a reason to end."""
        while not self._signalled and not self.event.wait(0.2):
            pass
        self.event.set()


def clock(jobs: Mapping[Job, float]) -> Ticking:
    """Return a clock, not started, that runs each job at once and then every so many seconds."""
    ticking = Ticking(threads=len(jobs))
    for job, every_s in jobs.items():
        ticking.add(job, every_s=every_s)
    return ticking
