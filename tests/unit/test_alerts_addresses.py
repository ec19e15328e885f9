"""Webhooks cannot be turned against the operator's own network."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery.addresses import is_public
from alerts.delivery.webhook import Outcome, Reason
from tests.unit.webhook_network import HOST, PUBLIC, ChangingNames, RecordingNetwork, attempt

# Every range of IANA's special-purpose registries, and what clouds and tunnels add.
INSIDE = {
    "this network": "0.0.0.0/8",
    "private 10": "10.0.0.0/8",
    "shared": "100.64.0.0/10",
    "alibaba metadata": "100.100.100.200/32",
    "loopback": "127.0.0.0/8",
    "azure platform": "168.63.129.16/32",
    "link-local": "169.254.0.0/16",
    "aws, gcp, azure metadata": "169.254.169.254/32",
    "aws container metadata": "169.254.170.2/32",
    "private 172": "172.16.0.0/12",
    "protocol assignments": "192.0.0.0/24",
    "oracle metadata": "192.0.0.192/32",
    "documentation 1": "192.0.2.0/24",
    "as112": "192.31.196.0/24",
    "multicast tunnelling": "192.52.193.0/24",
    "6to4 relays": "192.88.99.0/24",
    "private 192": "192.168.0.0/16",
    "as112 delegation": "192.175.48.0/24",
    "benchmarking": "198.18.0.0/15",
    "documentation 2": "198.51.100.0/24",
    "documentation 3": "203.0.113.0/24",
    "multicast": "224.0.0.0/4",
    "reserved": "240.0.0.0/4",
    "broadcast": "255.255.255.255/32",
    "unspecified 6": "::/128",
    "loopback 6": "::1/128",
    "ipv4-compatible": "::/96",
    "ipv4-mapped loopback": "::ffff:127.0.0.0/104",
    "ipv4-mapped private": "::ffff:10.0.0.0/104",
    "ipv4-mapped link-local": "::ffff:169.254.0.0/112",
    "ipv4-mapped shared": "::ffff:100.64.0.0/106",
    "ipv4-translated": "::ffff:0:127.0.0.1/128",
    "nat64 of loopback": "64:ff9b::127.0.0.0/104",
    "nat64 of private": "64:ff9b::192.168.0.0/112",
    "nat64 of metadata": "64:ff9b::a9fe:a9fe/128",
    "local nat64": "64:ff9b:1::/48",
    "discard": "100::/64",
    "dummy prefix": "100:0:0:1::/64",
    "teredo": "2001::/32",
    "protocol assignments 6": "2001::/23",
    "benchmarking 6": "2001:2::/48",
    "orchid": "2001:10::/28",
    "orchid 2": "2001:20::/28",
    "remote identification": "2001:30::/28",
    "documentation 6": "2001:db8::/32",
    "6to4": "2002::/16",
    "6to4 of loopback": "2002:7f00:1::/48",
    "as112 6": "2620:4f:8000::/48",
    "documentation 6 new": "3fff::/20",
    "segment routing": "5f00::/16",
    "unassigned": "4000::/3",
    "unique local": "fc00::/7",
    "aws metadata 6": "fd00:ec2::254/128",
    "link-local 6": "fe80::/10",
    "site-local": "fec0::/10",
    "multicast 6": "ff00::/8",
    "isatap of private": "2606:4700::5efe:10.0.0.1/128",
    "isatap of loopback": "2606:4700::200:5efe:127.0.0.1/128",
}


def samples(network: str) -> list[str]:
    """Return the first, the last and the middle address of a range."""
    first, last = (int(ip_network(network)[at]) for at in (0, -1))
    kind = type(ip_network(network)[0])
    return [str(kind(each)) for each in sorted({first, (first + last) // 2, last})]


@pytest.mark.parametrize("network", INSIDE.values(), ids=INSIDE)
def test_an_address_inside_is_not_public(network: str) -> None:
    assert [each for each in samples(network) if is_public(each)] == []


def test_a_zone_does_not_hide_what_an_address_is() -> None:
    assert not is_public("fe80::1%eth0")


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


@pytest.mark.parametrize("network", INSIDE.values(), ids=INSIDE)
def test_a_name_that_leads_inside_is_refused_before_anything_is_connected(network: str) -> None:
    for address in samples(network):
        recording = RecordingNetwork()

        made = attempt(f"https://{HOST}/", network=recording, names=ChangingNames([address]))

        assert (made.outcome, made.detail) == (Outcome.FAILED, Reason.ADDRESS_REFUSED)
        assert recording.connected == []


@pytest.mark.parametrize("network", INSIDE.values(), ids=INSIDE)
def test_an_address_inside_is_refused_where_it_stands_in_the_url_itself(network: str) -> None:
    for address in samples(network):
        recording = RecordingNetwork()
        host = f"[{address}]" if ":" in address else address

        made = attempt(f"https://{host}/", network=recording)

        assert made.outcome is Outcome.FAILED
        assert recording.connected == []


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
        "127.0.0.1%23@hooks.example.com:443@localhost",
        "0x7f.0x0.0x0.0x1",
        "0X7F000001",
        "0177.0000.0000.0001",
        "127.000.000.001",
        "127.0.1",
        "00000000177.1",
        "localhost.",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
        "0x7f000001.",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "１６９.２５４.１６９.２５４",
        "169。254。169。254",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:0:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::1]:443",
        "user:password@[::1]",
        "%31%32%37.0.0.1",
    ],
)
def test_odd_spellings_of_an_inside_address_are_never_connected_to(host: str) -> None:
    network = RecordingNetwork()

    made = attempt(f"https://{host}/", network=network)

    assert made.outcome is Outcome.FAILED
    assert made.detail in {Reason.ADDRESS_REFUSED, Reason.BAD_URL, Reason.CONNECT}
    assert network.connected == []


@pytest.mark.parametrize("host", [HOST, "93.184.215.14", "127.0.0.1"])
def test_a_port_beyond_all_ports_is_connected_to_nowhere(host: str) -> None:
    network = RecordingNetwork()

    made = attempt(f"https://{host}:{'5' * 30}/", network=network)

    assert (made.outcome, made.detail) == (Outcome.FAILED, Reason.CONNECT)
    assert network.connected == []


def test_plain_http_does_not_leave_the_network() -> None:
    network = RecordingNetwork()

    made = attempt(f"http://{HOST}/", network=network, names=ChangingNames([PUBLIC]))

    assert made.detail is Reason.ADDRESS_REFUSED
    assert network.connected == []
