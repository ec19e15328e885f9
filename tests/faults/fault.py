"""What a fault is."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.faults.bench import Bench
from tests.faults.trial import Trial

Strike = Callable[[Trial, random.Random], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        strike: Breaks something, waits, and mends it.
        workers: How many run.
        schedulers: How many run.
        needs: A part of the bench that is not to be had everywhere.
    """

    name: str
    strike: Strike
    workers: int = 1
    schedulers: int = 1
    needs: Literal["disk", "broker", "clock"] | None = None

    def impossible(self, bench: Bench) -> str | None:
        """Return why it cannot be done here; None where it can."""
        have = {
            "disk": bench.disk is not None,
            "broker": bench.broker.proxy is not None,
            "clock": bench.clock is not None,
        }
        why = {
            "disk": "a small disk cannot be mounted: that takes Linux and root",
            "broker": "the broker was given and is not ours to stop",
            "clock": "there is no C compiler for a clock that jumps",
        }
        return None if self.needs is None or have[self.needs] else why[self.needs]


def pause(trial: Trial, seconds: float) -> None:
    """Let the trial go on, broken as it is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        trial.tend()
        time.sleep(0.05)
