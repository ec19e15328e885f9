"""A name server on loopback whose answers change, and the operating system's look-up asking it."""

import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

_A, _AAAA = 1, 28


class NameServer:
    """Answers each look-up of any name with the next addresses, and the last ones for ever.

    Attributes:
        asked: The names of the look-ups, in order.
    """

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self.asked: list[str] = []
        self._answers = [[ipaddress.ip_address(each) for each in answer] for answer in answers]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = self._socket.getsockname()

    def serve(self) -> None:
        """Answer until ``close``."""
        with self._socket:
            while True:
                query, sender = self._socket.recvfrom(512)
                if not query:
                    return
                self._socket.sendto(self._answer(query), sender)

    def close(self) -> None:
        """End ``serve``."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.address)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += length + 1
        kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
        if kind == _A:
            self.asked.append(".".join(labels))
        turn = min(max(len(self.asked), 1), len(self._answers)) - 1
        version = {_A: 4, _AAAA: 6}[kind]
        found = [each for each in self._answers[turn] if each.version == version]
        records = b"".join(
            struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(each.packed)) + each.packed
            for each in found
        )
        header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(found), 0, 0)
        return header + query[12:end] + records


@contextmanager
def name_server(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> Iterator[NameServer]:
    """Run a name server, and let ``socket.getaddrinfo`` ask it for whatever is no address.

    Yields:
        The server.
    """
    server = NameServer(answers)
    thread = threading.Thread(target=server.serve)
    thread.start()
    system = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            found = [each for kind in (_A, _AAAA) for each in _ask(server.address, host, kind)]
            return [entry for each in found for entry in system(each, port, *args, **kwargs)]
        return system(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        yield server
    finally:
        server.close()
        thread.join()


def _ask(server: tuple[str, int], name: str, kind: int) -> list[str]:
    """Ask for a name's addresses of one kind, as a resolver does, with nothing kept."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split("."))
    query = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(query, server)
        answer = asking.recv(512)
    count, at, found = struct.unpack(">H", answer[6:8])[0], len(query), []
    for _ in range(count):
        size = struct.unpack(">H", answer[at + 10 : at + 12])[0]
        found.append(str(ipaddress.ip_address(answer[at + 12 : at + 12 + size])))
        at += 12 + size
    return found
