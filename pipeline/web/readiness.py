"""Whether the service, and the chain behind it, can do its work now: one answer a check.

The answer is public, so that it names no host, no role and no URL.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from db.engine import DatabaseAway, Engine, transaction
from db.outbox import pending
from db.rows import Progress
from db.trends import partition_progress
from pipeline.backoff import Outage
from pipeline.offsets import Offsets
from pipeline.schema import NotMigrated, Schema
from pipeline.settings import Settings
from pipeline.topics import BrokerAway
from pipeline.web.lag import LagWatch, PartitionLag
from pipeline.web.model_files import ModelFilesMissing, check_model_files

# However often it is asked, database and broker are asked once in this time.
_FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One answer; ``detail`` is for people."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """All answers of one moment.

    Attributes:
        lag: Empty where it is not known.
        undelivered: Outbox rows neither delivered nor dead; None where it is not known.
    """

    checks: Mapping[str, Check]
    lag: tuple[PartitionLag, ...] = ()
    undelivered: int | None = None

    @property
    def ready(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks.values())


# What is answered while the first look is under way.
_CHECKS = ("database", "migrations", "broker", "model", "lag")
_NOT_KNOWN = Report(dict.fromkeys(_CHECKS, Check(False, "not known yet")))


@dataclass(slots=True)
class _Look:
    """What one round of checks finds out."""

    checks: dict[str, Check] = field(default_factory=dict)
    progress: Mapping[int, Progress] | None = None
    end_offsets: Mapping[int, int] | None = None
    undelivered: int | None = None


class Readiness:
    """Makes reports; threads may share one. Connects to nothing before the first.

    Args:
        settings: Names the topic, the model and the longest lag.
        engine: The database.
        schema: Whether it is migrated.
        offsets: The broker.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        schema: Schema,
        offsets: Offsets,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._schema = schema
        self._offsets = offsets
        self._clock = clock
        self._lock = threading.Lock()  # held by who looks
        self._lag = LagWatch()
        self._last: tuple[float, Report] | None = None
        self._outages = {"database": Outage("database"), "broker": Outage("broker")}

    def report(self) -> Report:
        """Return the answers, at most a second old; those before while others are sought.

        So one caller at most waits for the network, however many ask while it hangs.
        """
        if self._lock.acquire(blocking=False):
            try:
                if self._last is None or self._clock() - self._last[0] >= _FRESH_S:
                    report = self._look()
                    self._last = (self._clock(), report)
            finally:
                self._lock.release()
        return _NOT_KNOWN if self._last is None else self._last[1]

    def _look(self) -> Report:
        look = _Look()
        self._ask_database(look)
        self._ask_broker(look)  # after the database: what came in between counts as waiting
        try:
            look.checks["model"] = Check(True, check_model_files(self._settings.model.path))
        except ModelFilesMissing as error:
            look.checks["model"] = Check(False, str(error))
        lag: list[PartitionLag] = []
        if look.progress is not None and look.end_offsets is not None:
            lag = self._lag.look(look.progress, look.end_offsets, now_s=self._clock())
        look.checks["lag"] = self._judge(lag)
        return Report(look.checks, tuple(lag), look.undelivered)

    def _ask_database(self, look: _Look) -> None:
        outage = self._outages["database"]
        try:
            self._schema.require()
            with transaction(self._engine) as session:
                look.progress = partition_progress(session, self._settings.kafka.raw_topic)
                look.undelivered = pending(session)
        except DatabaseAway as error:
            outage.failed(error)
            look.checks["database"] = Check(False, "cannot be reached")
            look.checks["migrations"] = Check(False, "not known")
        except NotMigrated as error:
            outage.failed(error)
            look.checks["database"] = Check(True, "answers")
            look.checks["migrations"] = Check(False, str(error))
        else:
            outage.succeeded()
            look.checks["database"] = Check(True, "answers")
            look.checks["migrations"] = Check(True, "at head")

    def _ask_broker(self, look: _Look) -> None:
        outage = self._outages["broker"]
        try:
            ends = self._offsets.end_offsets(self._settings.kafka.raw_topic, look.progress)
        except BrokerAway as error:
            outage.failed(error)
            look.checks["broker"] = Check(False, "cannot be reached")
            return
        outage.succeeded()
        if ends:
            look.end_offsets = ends
            look.checks["broker"] = Check(True, f"answers, {len(ends)} partitions")
        else:
            topic = self._settings.kafka.raw_topic
            look.checks["broker"] = Check(False, f"has no topic {topic}: run `tapewatch migrate`")

    def _judge(self, lag: list[PartitionLag]) -> Check:
        if not lag:
            return Check(False, "not known")
        waiting = sum(each.messages for each in lag)
        unmoved_s = max(each.unmoved_s for each in lag)
        detail = (
            f"{waiting} messages wait, nothing stored of a waiting partition for {unmoved_s:.0f} s"
        )
        return Check(
            unmoved_s <= self._settings.web.max_lag_s, detail if waiting else "nothing waits"
        )
