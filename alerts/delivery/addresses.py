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
# IANA's registries of special addresses, some of which `ipaddress` calls global or did in some
# versions, and what clouds and tunnels add: nobody has a webhook there.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared (CGNAT)
        "192.0.0.0/24",  # protocol assignments, some clouds' metadata
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
        "168.63.129.16/32",  # Azure's platform services
        "::/96",  # IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # protocol assignments, among them Teredo
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
# ISATAP puts an IPv4 address behind this, in an address of any prefix.
_ISATAP = {0x00005EFE, 0x02005EFE}


class AddressRefused(httpx.TransportError):
    """The endpoint is not one that may be connected to."""


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the open internet.

    Private, loopback, link-local, shared, multicast, reserved and metadata addresses do not; an
    IPv4 address inside an IPv6 one (mapped, NAT64, ISATAP) is judged by itself.

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
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
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
    # A label that is empty or too long; a port beyond all ports.
    except (UnicodeError, OverflowError) as error:
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
