"""Which addresses a webhook may be sent to (against server-side request forgery).

The check is made where the socket opens, in ``transport``; this says what it allows.
"""

import ipaddress
import socket
from collections.abc import Callable, Collection, Sequence

import httpx

from alerts.delivery.urls import is_allowed

Resolve = Callable[[str, int], Sequence[str]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What `ipaddress` calls global, or did in some versions, and is not the open internet: shared
# addresses (CGNAT), protocol assignments and cloud metadata, Azure's platform services, and the
# ranges that wrap an IPv4 address (IPv4-compatible, local NAT64, Teredo, 6to4).
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "168.63.129.16/32",
        "::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fec0::/10",
    )
)


class AddressRefused(httpx.TransportError):
    """The endpoint is not one that may be connected to."""


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the open internet.

    Private, loopback, link-local, shared, multicast, reserved and metadata addresses do not; an
    IPv4 address inside an IPv6 one (mapped, NAT64) is judged by itself.

    Args:
        address: An IPv4 or IPv6 address, with or without a zone.

    Returns:
        True if it may be connected to.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _embedded(ip) or ip
    special = ip.is_multicast or ip.is_reserved or ip.is_unspecified
    return ip.is_global and not special and not any(ip in network for network in _REFUSED)


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped


def resolve(host: str, port: int) -> list[str]:
    """Ask the operating system for the addresses of a host; it reads odd spellings as well.

    Args:
        host: A name, or an address in any spelling.
        port: Where it is to be connected to.

    Returns:
        Distinct addresses, best first.

    Raises:
        OSError: If there is no such name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # A label that is empty or too long.
        raise OSError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(
    host: str, port: int, *, allow_hosts: Collection[str], resolve: Resolve
) -> Sequence[str]:
    """Resolve a host once and check what comes of it.

    A name that leads to the outside and to the inside is refused as a whole. What ``resolve``
    raises passes through.

    Args:
        host: A name, or an address in any spelling.
        port: Where it is to be connected to.
        allow_hosts: Hosts that may also lead inside.
        resolve: Tells the addresses of a host.

    Returns:
        Addresses that may be connected to, best first.

    Raises:
        AddressRefused: If an address is not public and the host is not listed.
    """
    addresses = resolve(host, port)
    if not is_allowed(host, allow_hosts) and not all(map(is_public, addresses)):
        msg = "the host has an address that is not public"
        raise AddressRefused(msg)
    return addresses
