"""Where a process shows its metrics, and to whom."""

import socket
import threading

import pytest

from pipeline.metrics_server import metrics_server
from pipeline.runtime import SettingsError
from pipeline.settings import Settings
from tests.integration.processes import free_port

pytestmark = pytest.mark.integration

LOOPBACK = "127.0.0.1"
# Loopback too, on Linux: what listens on all addresses is reached by it.
OTHER = "127.0.0.2"


def reached(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def test_metrics_are_shown_on_loopback_alone_unless_told_otherwise() -> None:
    port = free_port()

    with metrics_server(Settings().metrics_host, port):
        assert reached(LOOPBACK, port)
        assert not reached(OTHER, port)


def test_metrics_are_shown_on_the_address_that_is_told() -> None:
    port = free_port()

    with metrics_server(OTHER, port):
        assert reached(OTHER, port)
        assert not reached(LOOPBACK, port)


def test_no_port_shows_no_metrics() -> None:
    before = set(threading.enumerate())

    with metrics_server("an address that is none", 0):
        assert set(threading.enumerate()) == before


def test_a_metrics_port_that_is_taken_is_a_clear_error() -> None:
    port = free_port()
    with (
        metrics_server(LOOPBACK, port),
        pytest.raises(
            SettingsError, match=f"TAPEWATCH_METRICS_PORT: cannot listen on {LOOPBACK} port {port}"
        ),
        metrics_server(LOOPBACK, port),
    ):
        pytest.fail("the port was taken")
