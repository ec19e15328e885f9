"""Keeps a library from connecting inside the network: checked where a socket connects.

Our own client checks the address that it resolved (``transport``). A library resolves names by
itself, follows redirects, and looks a name up more than once; Python tells an audit hook the
address of every connection before it is made.
"""

import ipaddress
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from alerts.delivery.addresses import Resolve, is_public, resolve


class ConnectionRefusedByUs(OSError):
    """The address is not one that may be connected to."""


class Guard:
    """What may be connected to, and whether something else was tried.

    Attributes:
        refused: Whether a connection was refused.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self.refused = False
        self._allowed = frozenset(allowed)

    def check(self, address: object) -> None:
        """Raise ConnectionRefusedByUs unless the socket's address may be connected to."""
        if not isinstance(address, tuple) or not self._may_reach(str(address[0])):
            self.refused = True
            raise ConnectionRefusedByUs("the address is not public")

    def _may_reach(self, host: str) -> bool:
        if host in self._allowed:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:  # A name: the socket would look it up where nobody checks.
            return False
        return is_public(host)


_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)
_lock = threading.Lock()
_libraries: set[str] = set()


def never_unguarded(library: str) -> None:
    """Refuse every connection that code of a library makes outside ``guarded_connections``.

    Its threads have the guard of whoever began them only if it hands them its context.

    Args:
        library: Name of its package.
    """
    with _lock:
        if not _libraries:
            # It cannot be taken away again, and costs others a look.
            sys.addaudithook(_audit)
        _libraries.add(library)


@contextmanager
def guarded_connections(
    allow_hosts: Collection[str], *, resolve: Resolve = resolve
) -> Iterator[Guard]:
    """Refuse the block's connections to what is neither public nor listed.

    To be used with ``never_unguarded``, which adds the hook that does it.

    Args:
        allow_hosts: Names or addresses inside the network that may be reached.
        resolve: Tells the addresses of a name.

    Yields:
        The guard, which knows whether something was refused.
    """
    guard = Guard(_addresses(allow_hosts, resolve))
    token = _guard.set(guard)
    try:
        yield guard
    finally:
        _guard.reset(token)


def _addresses(hosts: Collection[str], resolve: Resolve) -> set[str]:
    found: set[str] = set()
    for host in hosts:
        try:
            found.update(resolve(host.strip("[]"), 0))
        except OSError:  # Not there now: nothing leads to it either.
            continue
    return found


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect":
        return
    guard = _guard.get()
    if guard is not None:
        guard.check(arguments[1])
    elif _called_by_library():
        raise ConnectionRefusedByUs("nobody checks this connection")


def _called_by_library() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _libraries:
            return True
        frame = frame.f_back
    return False
