"""All that can be broken. Each fault lasts until its function returns; then it is mended."""

import random
import signal
import threading
import time

from tests.faults import database_faults as database
from tests.faults import stream_faults as stream
from tests.faults.fault import Fault, pause
from tests.faults.receiver import misbehaves
from tests.faults.trial import Trial

_FIRST_EVENTS_S = 30.0


def _nothing(_trial: Trial, _rng: random.Random) -> None:
    """Break nothing."""


def _send(service: str, number: signal.Signals) -> Fault:
    def strike(trial: Trial, _rng: random.Random) -> None:
        name = service if service in trial.services else f"{service}-0"
        trial.services[name].signal(number)

    return Fault(f"{service}: {number.name}", strike)


def _in_delivery(number: signal.Signals) -> Fault:
    """Hit the dispatcher between an event's way out and the record of it."""

    def strike(trial: Trial, rng: random.Random) -> None:
        sent = threading.Event()
        nth = rng.randrange(1, 6)

        def behave(_key: str) -> str:
            nonlocal nth
            nth -= 1
            if nth == 0:
                trial.services["scheduler-0"].signal(number)
                sent.set()
            return "take"

        trial.inbox.behave = behave
        until = time.monotonic() + _FIRST_EVENTS_S
        while not sent.is_set() and time.monotonic() < until:
            pause(trial, 0.1)

    return Fault(f"dispatcher, as it delivers: {number.name}", strike)


def _kill_one_of_two(trial: Trial, rng: random.Random) -> None:
    trial.services[f"scheduler-{rng.randrange(2)}"].signal(signal.SIGKILL)


def _jump(trial: Trial, rng: random.Random) -> None:
    """Set the clock of all services hours back or a minute on, and then to the true time.

    Further on, receivers would refuse what was signed meanwhile, as they should.
    """
    assert trial.bench.clock is not None
    try:
        for _ in range(2):
            trial.bench.clock.jump(rng.choice((-rng.randrange(60, 4 * 3600), rng.randrange(60))))
            pause(trial, rng.uniform(0.2, 2.0))
    finally:
        trial.bench.clock.jump(0)


def _endpoint(name: str, *ways: str, most: int) -> Fault:
    def strike(trial: Trial, rng: random.Random) -> None:
        trial.inbox.behave = misbehaves(rng, ways, most=most)
        while not trial.played.is_set():
            pause(trial, 0.1)

    return Fault(f"endpoint: {name}", strike)


FAULTS = (
    Fault("none", _nothing),
    _send("worker", signal.SIGKILL),
    _send("worker", signal.SIGTERM),
    _send("scheduler", signal.SIGKILL),
    _send("scheduler", signal.SIGTERM),
    _in_delivery(signal.SIGKILL),
    _in_delivery(signal.SIGTERM),
    _send("web", signal.SIGKILL),
    _send("web", signal.SIGTERM),
    Fault("two schedulers", _nothing, schedulers=2),
    Fault("two schedulers, one killed", _kill_one_of_two, schedulers=2),
    Fault("PostgreSQL: killed and started again", database.killed),
    Fault("PostgreSQL: restarted", database.restarted),
    Fault("PostgreSQL: out of connections", database.out_of_connections),
    Fault("PostgreSQL: read-only", database.read_only),
    Fault("PostgreSQL: disk full", database.disk_full, needs="disk"),
    Fault("PostgreSQL: deadlock", database.deadlock),
    Fault("PostgreSQL: statement timeout", database.statement_timeout),
    Fault("broker: stopped and back", stream.broker_frozen, needs="broker"),
    Fault("broker: connections cut", stream.broker_cut, needs="broker"),
    Fault("partitions reassigned in mid-batch", stream.reassigned),
    Fault("worker frozen past its session and woken", stream.frozen),
    Fault("worker frozen past its session beside another", stream.frozen, workers=2),
    Fault("clock jumps", _jump, needs="clock"),
    Fault("model file corrupt", stream.model_corrupt),
    Fault("model file missing", stream.model_missing),
    Fault("text that the model has no memory for", stream.out_of_memory),
    # Whatever else waits for an endpoint that let time run out rests until its lease ends.
    _endpoint("hangs", "hang", "drip", most=2),
    _endpoint("resets", "reset", "lose the answer", most=8),
    _endpoint("lies", "garbage", "302", "500", "401", "lose the answer", most=8),
)
