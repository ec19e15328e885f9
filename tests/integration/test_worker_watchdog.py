"""When the watchdog ends a worker, and when it must not."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from db.engine import Engine
from db.rows import Progress
from pipeline import watchdog
from pipeline.offsets import OffsetReader
from pipeline.settings import Settings
from tests.integration.stream import Stream, new_stream, news, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def stream(bootstrap_servers: str, database_url: str, tmp_path: Path) -> Iterator[Stream]:
    one = new_stream(bootstrap_servers, database_url, tmp_path, f"t{uuid4().hex[:8]}")
    yield one
    one.stop()


def test_a_transactions_marker_is_no_message_that_waits(stream: Stream) -> None:
    topic = stream.kafka.raw_topic
    stream.produce_transaction([news(n) for n in range(20)])

    with OffsetReader(stream.kafka) as offsets:
        ends = offsets.end_offsets(topic)
        before_marker = {n: max(end - 1, 0) for n, end in ends.items()}
        waiting = offsets.end_offsets(topic, {})
        left = offsets.end_offsets(
            topic, {n: Progress(topic, n, offset, None) for n, offset in before_marker.items()}
        )

    assert sum(before_marker.values()) == 20
    assert waiting == ends
    assert left == before_marker


def test_a_worker_is_not_ended_for_partitions_that_end_in_a_transactions_marker(
    stream: Stream,
) -> None:
    worker = stream.start_worker(TAPEWATCH_WORKER__STALLED_AFTER_S="2")
    stream.produce_transaction([news(n) for n in range(20)])
    wait_until(lambda: stream.stored() == 20)
    time.sleep(4)

    assert worker.process.poll() is None
    stream.produce_transaction([news(n) for n in range(20, 40)])
    wait_until(lambda: stream.stored() == 40)


def test_the_watchdog_outlives_what_nobody_expected(
    stream: Stream, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.produce([news(n) for n in range(20)])
    settings = Settings.model_validate({"kafka": stream.kafka, "worker": {"stalled_after_s": 0.5}})
    with OffsetReader(stream.kafka) as offsets:
        ends = offsets.end_offsets(stream.kafka.raw_topic)
    # One that waits, so that the process is ended once: the second time it really would be.
    waiting = max(ends, key=lambda number: ends[number])
    ended = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda _: ended.set())
    renewed: list[float] = []
    monkeypatch.setattr(watchdog, "end_unless_renewed", renewed.append)
    looks = 0

    def assigned() -> set[int]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("Set changed size during iteration")
        return {waiting}

    watchdog.watch(settings, engine, assigned=assigned, stopping=ended.is_set)

    assert ended.wait(60)
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(60)
    assert len(renewed) > 2
    assert min(renewed) > settings.worker.stalled_after_s


# PyDLL keeps Python's lock during the call, as Rust code did that waited for one of its own.
_STUCK = """
import ctypes
from pipeline.watchdog import end_unless_renewed

end_unless_renewed(30)
end_unless_renewed(0.5)
ctypes.PyDLL(None).pause()
"""


def test_a_process_in_which_no_python_runs_is_ended_by_the_kernel() -> None:
    run = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", _STUCK], capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == -signal.SIGALRM
    assert 'File "<string>", line 7' in run.stderr
