"""Runs a trial: plays the stream, breaks one thing at a random moment, waits, closes the books."""

import random
import time
from contextlib import closing, suppress
from dataclasses import dataclass

import psycopg
from kafka.errors import KafkaError

from db.engine import create_engine
from pipeline.offsets import OffsetReader
from pipeline.topics import BrokerAway
from tests.faults.bench import Bench
from tests.faults.fault import Fault
from tests.faults.ledger import Committed, Connection, Ledger, close_books, overtaken, progress
from tests.faults.receiver import Said
from tests.faults.trial import Trial, open_trial

# A machine that is busy with other things is slow, and no fault of ours.
_STUCK_AFTER_S = 120.0
_LOOK_EVERY_S = 0.3
_LEAVE_WITHIN_S = 10.0
_COMMIT_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one trial.

    Attributes:
        broke_at: Share of the stream that was stored when the fault came.
        recovery_s: From the end of the fault until all was stored, evaluated and delivered.
    """

    fault: str
    seed: int
    ledger: Ledger
    broke_at: float
    recovery_s: float


def run(
    bench: Bench, fault: Fault, seed: int, expected: frozenset[Said] | None
) -> tuple[Result, frozenset[Said]]:
    """Run one trial.

    Args:
        bench: What trials share.
        fault: What is broken.
        seed: Decides the moment, and whatever else of the fault is random.
        expected: What a receiver hears without a fault; None where that is to be found out.

    Returns:
        The result, and what the receiver heard.
    """
    rng = random.Random(seed)  # noqa: S311  # no secret
    with (
        open_trial(bench, workers=fault.workers, schedulers=fault.schedulers) as trial,
        OffsetReader(trial.kafka) as offsets,
        closing(Committed(trial)) as committed,
    ):
        watch = _Watch(trial, offsets, committed)
        # Sometimes before there is anything to do, else at any point of the stream.
        share = rng.uniform(-0.15, 0.95)
        while watch.share < share and not trial.played.is_set():
            watch.look()
        time.sleep(rng.uniform(0.0, _LOOK_EVERY_S))
        broke_at = watch.share
        fault.strike(trial, rng)
        mended = time.monotonic()
        watch.until_settled()
        recovery_s = time.monotonic() - mended
        watch.until_committed()
        slow = _stop(trial)
        engine = create_engine(trial.database_url)
        try:
            heard = frozenset(trial.inbox.seen.values())
            ledger = close_books(trial, engine, heard if expected is None else expected)
        finally:
            engine.dispose()
        ledger.problems += watch.problems + slow + watch.not_committed()
    return Result(fault.name, seed, ledger, broke_at, recovery_s), heard


class _Watch:
    """Looks at a running trial again and again, and keeps what it must never show."""

    def __init__(self, trial: Trial, offsets: OffsetReader, committed: Committed) -> None:
        self.problems: list[str] = []
        self._trial = trial
        self._offsets = offsets
        self._committed = committed
        self._moved_at = time.monotonic()
        self._last: object = None
        self.share = 0.0

    def look(self) -> bool:
        """Tend the services; return whether all is stored, evaluated and delivered."""
        self._trial.tend()
        time.sleep(_LOOK_EVERY_S)
        with suppress(psycopg.Error, KafkaError, BrokerAway, OSError):
            committed = self._committed.read()
            with psycopg.connect(self._trial.database_url, connect_timeout=3) as connection:
                stored = progress(connection)
                self.problems += overtaken(committed, stored)
                self._note(stored)
                return self._trial.played.is_set() and self._settled(connection, stored)
        return False

    def _note(self, stored: dict[int, int]) -> None:
        self.share = sum(stored.values()) / self._trial.bench.stream.messages
        self._trial.stored = self.share
        now = (stored, len(self._trial.accepted), len(self._trial.inbox.seen))
        if now != self._last:
            self._last, self._moved_at = now, time.monotonic()

    def _settled(self, connection: Connection, stored: dict[int, int]) -> bool:
        ends = self._offsets.end_offsets(self._trial.kafka.raw_topic)
        if any(stored.get(number, 0) < end for number, end in ends.items()):
            return False
        row = connection.execute(
            """SELECT (SELECT max(published_at) FROM items)
                      = (SELECT max(evaluated_until) FROM detect_states)
                  AND NOT EXISTS (SELECT FROM outbox WHERE state = 'pending')"""
        ).fetchone()
        return row is not None and row[0] is True

    def until_settled(self) -> None:
        """Look until all is done; note it where nothing moves any more before that."""
        while not self.look():
            if time.monotonic() - self._moved_at > _STUCK_AFTER_S:
                self.problems.append(f"stuck at {self._last}")
                return

    def until_committed(self) -> None:
        """Wait until the offsets have followed what is stored.

        A worker that was taken for dead cannot commit: the one that has its partitions reads them
        again, and commits then. Who is asked to end before that leaves it to the next worker.
        """
        until = time.monotonic() + _COMMIT_WITHIN_S
        while self.not_committed() and time.monotonic() < until:
            self._trial.tend()
            time.sleep(_LOOK_EVERY_S)

    def not_committed(self) -> list[str]:
        """Return which partitions would be redelivered."""
        with psycopg.connect(self._trial.database_url) as connection:
            stored = progress(connection)
        behind = {n: at for n, at in self._committed.read().items() if at < stored.get(n, 0)}
        return [f"stored to {stored}, but committed to {behind}"] if behind else []


def _stop(trial: Trial) -> list[str]:
    """Ask all services to end; return who took too long, or ended badly."""
    running = {
        name: service
        for name, service in trial.services.items()
        if not service.held and service.process.is_alive()  # else ended by the fault
    }
    began = time.monotonic()
    for service in running.values():
        service.ask_to_end()
    problems = []
    for name, service in running.items():
        service.process.join(max(began + _LEAVE_WITHIN_S - time.monotonic(), 0))
        if service.process.exitcode != 0:
            status = service.process.exitcode
            problems.append(f"{name} was asked to end: after {_LEAVE_WITHIN_S} s status {status}")
    return problems
