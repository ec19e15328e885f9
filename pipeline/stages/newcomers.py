"""How many companies that no list has may come anew, and saying so when more would."""

import time
from dataclasses import dataclass, field

import structlog

from pipeline.metrics import UNLISTED_LEFT_OUT

log = structlog.stdlib.get_logger(__name__)

_SAY_EVERY_S = 60.0


@dataclass(slots=True)
class Newcomers:
    """The bound of one worker's stores; counts what it leaves out, and logs it once a minute.

    Attributes:
        per_hour: Most of them in an hour of the stream, of all workers together; None: any number.
    """

    per_hour: int | None = None
    _untold: int = field(default=0, init=False)
    _quiet_until: float = field(default=0.0, init=False)

    def left_out(self, count: int) -> None:
        """Note how many a committed transaction has left out."""
        UNLISTED_LEFT_OUT.inc(count)
        self._untold += count
        if self._untold and time.monotonic() >= self._quiet_until:
            log.warning("unlisted_left_out", companies=self._untold, per_hour=self.per_hour)
            self._untold, self._quiet_until = 0, time.monotonic() + _SAY_EVERY_S
