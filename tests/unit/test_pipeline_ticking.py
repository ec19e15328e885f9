import threading
import time

import pytest
from structlog.testing import capture_logs

from pipeline.ticking import Ticking


def test_a_job_that_raises_is_told_and_has_its_next_turn() -> None:
    turns = threading.Semaphore(0)

    def broken() -> None:
        turns.release()
        raise RuntimeError("broken")

    with capture_logs() as logs:
        ticking = Ticking(threads=1)
        ticking.add(broken, every_s=0.01)
        ticking.start()
        assert all(turns.acquire(timeout=10) for _ in range(3))
        ticking.shutdown()

    assert {entry["event"] for entry in logs} == {"job_failed"}


def test_no_more_jobs_run_at_once_than_there_are_threads() -> None:
    lock = threading.Lock()
    active = 0
    seen: list[int] = []

    def work() -> None:
        nonlocal active
        with lock:
            active += 1
            seen.append(active)
        time.sleep(0.005)
        with lock:
            active -= 1

    ticking = Ticking(threads=2)
    for _ in range(6):
        ticking.add(work, every_s=0.001, jitter_s=0.0005)
    ticking.start()
    until = time.monotonic() + 10
    while len(seen) < 60 and time.monotonic() < until:
        time.sleep(0.01)
    ticking.shutdown()

    assert len(seen) >= 60
    assert set(seen) == {1, 2}


def test_a_job_waits_for_its_first_turn_and_none_comes_after_the_end() -> None:
    ran = threading.Event()
    ticking = Ticking(threads=1)
    ticking.add(ran.set, every_s=0.01, first_in_s=3600.0)
    ticking.start()

    assert not ran.wait(0.05)
    ticking.shutdown()
    assert not ran.is_set()


def test_a_clock_that_is_set_back_holds_no_job_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = threading.Event()
    monkeypatch.setattr("pipeline.ticking._LOOK_EVERY_S", 0.01)
    ahead = [3600.0]
    monkeypatch.setattr("pipeline.ticking._ahead_s", lambda: ahead[0])  # a fake clock
    ticking = Ticking(threads=1)
    ticking.add(ran.set, every_s=3600.0, first_in_s=3600.0)
    ticking.start()
    time.sleep(0.05)
    assert not ran.is_set()

    ahead[0] = 0.0

    assert ran.wait(5)
    ticking.shutdown()
