"""A network that leads nowhere: names are known or not, connections are noted."""

import socket
from contextlib import AbstractContextManager
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any
from unittest import mock

import httpcore

from tests.unit.test_alerts_addresses import INSIDE
from tests.unit.webhook_network import PUBLIC

_NAMES = {"localhost": "127.0.0.1", "ip6-localhost": "::1", "db": "10.0.0.7"}
_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_getaddrinfo = socket.getaddrinfo


def names_of_ours() -> AbstractContextManager[object]:
    """Let the system read addresses in all its spellings, and ask nobody for names."""
    return mock.patch("socket.getaddrinfo", _looked_up)


def _looked_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
    more["flags"] = socket.AI_NUMERICHOST
    try:
        return _getaddrinfo(host, port, *args, **more)
    except socket.gaierror:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if ":" in name:  # an address with a zone that is not there
            raise
        return _getaddrinfo(_NAMES.get(name.lower().rstrip("."), PUBLIC), port, *args, **more)


def is_inside(address: str) -> bool:
    """Tell whether an address is in any of the ranges that nobody outside may reach."""
    ip = ip_address(address.partition("%")[0])
    return any(ip in network for network in _inside() if network.version == ip.version)


@cache
def _inside() -> tuple[Any, ...]:
    return tuple(map(ip_network, INSIDE.values()))


class NotedNetwork(httpcore.MockBackend):
    """Notes where it is told to connect; whoever is there gives one answer, over TLS as well."""

    def __init__(self, answer: bytes = _OK) -> None:
        super().__init__([answer])
        self.connected: list[str] = []

    def answer(self, answer: bytes) -> None:
        """Let whoever is connected to from now on give another answer."""
        self._buffer = [answer]

    def connect_tcp(self, host: str, *args: Any, **more: Any) -> httpcore.NetworkStream:
        """Note the address."""
        self.connected.append(host)
        return super().connect_tcp(host, *args, **more)
