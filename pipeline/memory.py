"""Keeps a process from holding memory that nobody uses, and from standing still where it lacks."""

import ctypes
import gc
import os

_M_ARENA_MAX = -8  # in malloc.h of glibc
_ARENAS = 2


def use_few_arenas() -> None:
    """Let all threads allocate from two arenas; before they start. Only glibc has any.

    By default glibc gives threads arenas of their own, up to eight a core, and what is free in one
    serves no other thread.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, _ARENAS)


def panic_without_backtrace() -> None:
    """Let Rust code that panics print no backtrace, whatever RUST_BACKTRACE says; before it does.

    Where memory lacks, the search for the names of a backtrace fails to get some while it holds the
    lock of backtraces, and then waits for that lock itself, with Python's own lock held: nothing
    in the process runs any more, no watchdog either. Seen in tokenizers 0.23.
    """
    os.environ["RUST_BACKTRACE"] = "0"


def settle() -> None:
    """Take what is loaded by now as there to stay; the rest goes back to the system.

    The garbage collector no longer goes through it: half a million objects and more.
    """
    gc.collect()
    gc.freeze()
    if malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        malloc_trim(0)
