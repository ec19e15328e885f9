"""The addresses of the brokers, as the setting gives them."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from faust.transport.drivers.aiokafka import server_list
from pydantic import ValidationError

from pipeline.app import create_app
from pipeline.setting_types import host_and_port
from pipeline.settings import KafkaSettings, Settings
from pipeline.topics import check_reachable


@pytest.mark.parametrize(
    ("server", "host", "port"),
    [
        ("kafka:9092", "kafka", 9092),
        (" 10.0.0.7:9092 ", "10.0.0.7", 9092),
        ("[::1]:9092", "::1", 9092),
        ("[fe80::1%eth0]:9092", "fe80::1%eth0", 9092),
    ],
)
def test_an_address_of_a_broker_is_host_and_port(server: str, host: str, port: int) -> None:
    assert host_and_port(server) == (host, port)
    assert KafkaSettings(bootstrap_servers=f"{server},{server}").bootstrap_servers


@pytest.mark.parametrize(
    "server", ["", "kafka", "kafka:", "kafka:x", "kafka:0", ":9092", "::1:9092", "kafka:9092,"]
)
def test_what_is_no_address_of_a_broker_is_told_with_the_form(server: str) -> None:
    with pytest.raises(ValidationError, match=r"of the form host:port.*IPv6 address in brackets"):
        KafkaSettings(bootstrap_servers=server)


def test_a_broker_at_an_ipv6_address_is_reached() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        server = f"[::1]:{listener.getsockname()[1]}"

        assert check_reachable(f"127.0.0.1:1,{server}") == server


def test_the_client_of_a_worker_is_given_an_ipv6_address_in_brackets(tmp_path: Path) -> None:
    kafka = KafkaSettings(bootstrap_servers="[::1]:9092, kafka:9093")
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        app = create_app(Settings(kafka=kafka), datadir=tmp_path, loop=loop)

    assert server_list(app.conf.broker, 9092) == ["[::1]:9092", "kafka:9093"]
