"""A TCP proxy that can be cut: a network that fails while the server behind keeps its data."""

import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

# Linux gives it no name in Python's socket module.
_SO_ATTACH_FILTER = 26
_RETURN = 6  # BPF_RET | BPF_K


@dataclass(slots=True)
class CuttableProxy:
    """Forwards connections to a server until ``cut``; refuses them until ``mend``.

    Attributes:
        target: (host, port), or the path of a Unix socket.
    """

    target: tuple[str, int] | str
    port: int = 0
    _listener: socket.socket | None = field(default=None, init=False)
    _open: list[socket.socket] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self.mend()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        self.cut()

    @property
    def address(self) -> str:
        """Where to connect to."""
        return f"127.0.0.1:{self.port}"

    def mend(self) -> None:
        """Take connections (again), always on the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        broken, self._open = self._open, []
        self._close(broken)

    def silence(self) -> None:
        """Drop unacknowledged whatever still comes, as a partition does: nobody is told."""
        for one in self._open:
            if one.family == socket.AF_INET:
                _drop_packets(one)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(connected, listener), daemon=True).start()

    def _forward(self, connected: socket.socket, listener: socket.socket) -> None:
        ends = [connected]
        try:
            ends[0] = near = self._near(connected)
            ends.append(far := self._connect())
            self._admit(near, far)
        except OSError:  # this one; the next may fare better
            self._close(ends)
            return
        self._open += ends
        if self._listener is not listener:  # cut meanwhile
            self._close(ends)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def _near(self, connected: socket.socket) -> socket.socket:
        """Return what the client is spoken to by; a front that speaks TLS wraps it."""
        return connected

    def _admit(self, near: socket.socket, far: socket.socket) -> None:
        """Raise OSError if the client may not go on; a front that asks for a login does."""

    @staticmethod
    def _close(ends: list[socket.socket]) -> None:
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _connect(self) -> socket.socket:
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.target)
        return far


def _drop_packets(one: socket.socket) -> None:
    """Attach a socket filter, in Berkeley's packet language, that keeps 0 bytes of each packet."""
    keep_nothing = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(keep_nothing))
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for part in _parts(source):
            sink.sendall(part)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _parts(source: socket.socket) -> Iterator[bytes]:
    while part := source.recv(65536):
        yield part
