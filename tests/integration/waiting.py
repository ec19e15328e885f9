"""Waiting for what another thread or process brings about."""

from collections.abc import Callable
from time import monotonic, sleep


def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        AssertionError: If it does not in time.
    """
    ends_at = monotonic() + within_s
    while not condition():
        assert monotonic() < ends_at, "it did not come in time"
        sleep(0.02)
