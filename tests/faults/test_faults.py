"""The quick mode: one trial of some faults, with a seed that is told."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.bench import Bench, open_bench
from tests.faults.faults import FAULTS
from tests.faults.receiver import Said
from tests.faults.run import run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

# One of each kind of thing that breaks; all others come in the long mode (`make faults`).
QUICK = (
    "worker: SIGKILL",
    "two schedulers, one killed",
    "PostgreSQL: killed and started again",
    "broker: stopped and back",
    "partitions reassigned in mid-batch",
    "endpoint: lies",
)


@dataclass(frozen=True, slots=True)
class Started:
    """The bench, and what a receiver hears of a trial in which nothing breaks."""

    bench: Bench
    expected: frozenset[Said]


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    with open_bench() as bench:
        result, expected = run(bench, FAULTS[0], seed=0, expected=None)
        assert result.ledger.agrees, result.ledger.brief()
        assert len(expected) > 3, "the stream raises too few alerts"
        yield Started(bench, expected)


def test_every_fault_of_the_quick_mode_is_one() -> None:
    assert set(QUICK) <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_lost_doubled_or_missing(started: Started, name: str) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    if why := fault.impossible(started.bench):
        pytest.skip(why)
    seed = random.SystemRandom().randrange(10**6)

    result, _ = run(started.bench, fault, seed, started.expected)

    assert result.ledger.agrees, f"seed {seed}: {result.ledger.brief()}"
