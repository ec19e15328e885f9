"""The supervisor's policy, with children that end at once and a clock that we turn."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.demo import tether
from pipeline.demo.supervise import ChildKeepsFailing, Supervisor


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """The time that was set."""
        return self.now_s


class Slow(subprocess.Popen[bytes]):
    """A process of a machine so busy that it is not gone when it was waited for."""

    def wait(self, timeout: float | None = None) -> int:
        """Give up at once."""
        raise subprocess.TimeoutExpired(self.args, timeout or 0.0)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(tmp_path: Path, clock: Clock) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", clock=clock)
    yield supervisor
    supervisor.stop(wait_s=5)


def test_a_child_that_ended_is_started_again_after_a_pause(
    supervisor: Supervisor, clock: Clock
) -> None:
    child = supervisor.start("worker", python("raise SystemExit(3)"))
    first = child.process
    first.wait(10)

    news = supervisor.tend()

    assert news == ["worker ended with status 3; it starts again in 0.5 s"]
    assert child.process is first
    clock.now_s += 0.6
    assert supervisor.tend() == []
    assert child.process is not first
    assert child.restarts == 1


def test_the_pause_doubles_while_a_child_fails_to_start(
    supervisor: Supervisor, clock: Clock
) -> None:
    child = supervisor.start("worker", python("raise SystemExit(1)"))
    pauses = []
    for _ in range(4):
        child.process.wait(10)
        supervisor.tend()
        assert child.due_at is not None
        pauses.append(child.due_at - clock.now_s)
        clock.now_s = child.due_at
        supervisor.tend()

    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_child_that_never_gets_up_is_given_up_with_the_end_of_its_log(
    supervisor: Supervisor, clock: Clock
) -> None:
    child = supervisor.start("worker", python("raise SystemExit('no weights here')"))
    for _ in range(4):
        child.process.wait(10)
        supervisor.tend()
        clock.now_s += 60
        supervisor.tend()
        child.started_at = clock.now_s
    child.process.wait(10)

    with pytest.raises(ChildKeepsFailing, match="no weights here"):
        supervisor.tend()


def test_a_child_that_ran_long_is_started_again_at_once_however_often(
    supervisor: Supervisor, clock: Clock
) -> None:
    child = supervisor.start("worker", python("pass"))
    for _ in range(8):
        child.process.wait(10)
        clock.now_s += 60
        assert supervisor.tend() == ["worker ended with status 0; it starts again in 0.5 s"]
        clock.now_s += 0.5
        supervisor.tend()

    assert child.restarts == 8


def test_stop_ends_polite_children_and_kills_the_others(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    polite = supervisor.start(
        "polite",
        python(
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
            "print('up', flush=True)\n"
            "time.sleep(60)"
        ),
    )
    deaf = supervisor.start(
        "deaf",
        python(
            "import signal, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "print('up', flush=True)\n"
            "time.sleep(60)"
        ),
    )
    for name in ("polite", "deaf"):
        while (tmp_path / "logs" / f"{name}.log").read_bytes() != b"up\n":
            pass

    supervisor.stop(wait_s=0.5)

    assert polite.process.returncode == 7
    assert deaf.process.returncode == -9


def test_one_that_does_not_go_when_killed_keeps_no_other_from_being_ended() -> None:
    slow = Slow(python("import time; time.sleep(60)"), process_group=0)
    deaf = subprocess.Popen(  # noqa: S603
        python("import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); signal.pause()"),
        process_group=0,
    )

    tether.stop(slow, deaf, polite=signal.SIGCONT, wait_s=0.2)

    assert deaf.returncode == -signal.SIGKILL
    assert subprocess.Popen.wait(slow, 10) == -signal.SIGKILL
