"""What is fuzzed: a parser, bytes that it reads well, and how it is to be called.

Which targets there are stands here as names alone: their modules import what they call, and that
is to be imported under the eyes of whoever measures coverage (``one``).
"""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

_OURS = ("alerts", "models", "pipeline")
# Of each target, a module of tests.fuzz.targets, the packages whose coverage leads the fuzzing.
# What is written in C or Rust tells none, and what is large makes the start slow.
WATCHED = {
    "message": _OURS,
    "item": (*_OURS, "stdnum"),
    "feed": (*_OURS, "feedparser", "httpx"),
    "feed_list": (*_OURS, "tomllib"),
    "rules": (*_OURS, "tomllib"),
    "companies": _OURS,
    "recording": _OURS,
    "request": (*_OURS, "fastapi", "starlette"),
    "endpoint": (*_OURS, "apprise.url", "apprise.utils", "httpcore", "httpx", "idna"),
    "answer": (*_OURS, "h11", "httpcore", "httpx"),
}
NAMES = tuple(WATCHED)


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    Attributes:
        run: Reads the bytes as the product does; what it raises is a finding.
        seeds: Inputs that reach different parts of it, and some that are extreme.
        words: What means something to it, for mutations.
        surroundings: Entered once around all runs; puts away what is slow or leaves the machine.
        max_bytes: Longer inputs are not tried.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    surroundings: Callable[[], AbstractContextManager[object]] = nullcontext
    max_bytes: int = 8_192


def load(name: str) -> Target:
    """Return the target of that name; imports what it calls."""
    target: Target = import_module(f"tests.fuzz.targets.{name}").TARGET
    return target


def written(name: str, content: bytes) -> Path:
    """Return a file with that content, the same one for each name; it goes with the process."""
    path = Path(_folder().name) / name
    path.write_bytes(content)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tapewatch-fuzz-")
