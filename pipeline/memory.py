"""Keeps a process that has loaded a model from holding what nobody uses."""

import ctypes
import gc

_M_ARENA_MAX = -8  # in malloc.h of glibc
_ARENAS = 2


def use_few_arenas() -> None:
    """Let all threads allocate from two arenas; before they start. Only glibc has any.

    By default glibc gives threads arenas of their own, up to eight a core, and what is free in one
    serves no other thread.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Take what is loaded by now as there to stay; the rest goes back to the system.

    The garbage collector no longer goes through it: the companies alone are half a million objects.
    """
    gc.collect()
    gc.freeze()
    if malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        malloc_trim(0)
