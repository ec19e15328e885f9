import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from pipeline import worker
from pipeline.settings import Settings

# Threads that are alive at once, each with memory of its own; then what malloc_info(3) tells.
_ALLOCATE = """
import ctypes, os, sys, threading
from pipeline.memory import use_few_arenas

if sys.argv[1] == "few":
    use_few_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(9)

def hold():
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
together.wait()
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


def _arenas(how: str) -> int:
    run = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", _ALLOCATE, how], capture_output=True, text=True, check=True
    )
    return run.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_info is of glibc")
def test_threads_share_few_arenas() -> None:
    assert _arenas("few") == 2
    assert _arenas("by default") > 2


def test_what_is_loaded_is_left_out_of_garbage_collection() -> None:
    from pipeline.memory import settle

    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_rust_code_panics_without_a_backtrace(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.memory import panic_without_backtrace

    monkeypatch.setenv("RUST_BACKTRACE", "1")
    panic_without_backtrace()

    assert os.environ["RUST_BACKTRACE"] == "0"


def test_a_worker_that_ends_for_want_of_memory_waits_for_no_thread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class EndedError(Exception):
        """Stands for the end of the process."""

    def end(status: int) -> None:
        assert status == 1
        raise EndedError

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(worker, "_prepare", AsyncMock(side_effect=MemoryError))
    settings = Settings.model_validate({"worker": {"state_dir": str(tmp_path)}, "metrics_port": 0})

    with pytest.raises(EndedError):
        worker.run(settings)


def test_a_worker_without_memory_for_a_thread_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = Mock()
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(
        threading.Timer, "start", Mock(side_effect=RuntimeError("can't start new thread"))
    )

    worker._leave_within(8.0, status=1)

    ended.assert_called_once_with(1)


async def test_a_worker_that_cannot_end_in_good_order_waits_for_no_thread_of_faust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = Mock()
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(worker, "_prepare", AsyncMock(return_value=Mock()))
    for name in ("create_app", "NewsAgent", "sender", "subscribe"):
        monkeypatch.setattr(worker, name, Mock())
    monkeypatch.setattr(worker, "_serve", AsyncMock(side_effect=OSError("no stream")))

    await worker._run(Settings(), None, None, tmp_path)

    ended.assert_called_once_with(1)
