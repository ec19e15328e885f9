"""Webhooks cannot be turned against the operator's own network."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery.addresses import is_public
from alerts.delivery.webhook import Outcome, Reason
from tests.unit.webhook_network import HOST, PUBLIC, ChangingNames, RecordingNetwork, attempt

INSIDE = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, nothing listens
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"],
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_when_ipv6_wraps_it(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(f"64:ff9b::{address}")
    assert is_public(f"::ffff:{address}") == is_public(str(address))


@given(st.ip_addresses())
def test_whatever_python_calls_private_is_not_public(address: object) -> None:
    ip = ip_address(str(address))
    if ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast:
        assert not is_public(str(ip)) or str(ip).startswith(("::ffff:", "64:ff9b:"))


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_refused_before_anything_is_connected(address: str) -> None:
    network = RecordingNetwork()

    made = attempt(f"https://{HOST}/", network=network, names=ChangingNames([address]))

    assert (made.outcome, made.detail) == (Outcome.FAILED, Reason.ADDRESS_REFUSED)
    assert network.connected == []


def test_a_name_that_leads_outside_and_inside_is_refused() -> None:
    network = RecordingNetwork()

    made = attempt(f"https://{HOST}/", network=network, names=ChangingNames([PUBLIC, "10.0.0.1"]))

    assert made.detail is Reason.ADDRESS_REFUSED
    assert network.connected == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:22",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "0",
        "10.0.513",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fe80::1%25lo]",
        "127.0.0.1.",
        "１２７.０.０.１",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "169.254.169.254",
        "hooks.example.com@127.0.0.1",
        "127.0.0.1#@hooks.example.com",
        "127.0.0.1\\@hooks.example.com",
    ],
)
def test_odd_spellings_of_an_inside_address_are_never_connected_to(host: str) -> None:
    network = RecordingNetwork()

    made = attempt(f"https://{host}/", network=network)

    assert made.outcome is Outcome.FAILED
    assert made.detail in {Reason.ADDRESS_REFUSED, Reason.BAD_URL, Reason.CONNECT}
    assert network.connected == []


def test_plain_http_does_not_leave_the_network() -> None:
    network = RecordingNetwork()

    made = attempt(f"http://{HOST}/", network=network, names=ChangingNames([PUBLIC]))

    assert made.detail is Reason.ADDRESS_REFUSED
    assert network.connected == []
