import gc
import os
import subprocess
import sys

import pytest

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
