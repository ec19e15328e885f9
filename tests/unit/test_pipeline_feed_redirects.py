"""Where a feed may lead: connections to a server on loopback, names by a server of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline.messages import Limits
from pipeline.sources.feed_client import new_client
from pipeline.sources.feeds import Feed, FeedError, FeedSpec
from tests.unit.dns_server import name_server
from tests.unit.webhook_network import PUBLIC, RecordingNetwork

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
INSIDE = "127.0.0.1"
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><item><guid>1</guid>
<title>Bank falls</title></item></channel></rss>"""


@contextmanager
def redirecting(location: str) -> Iterator[RecordingNetwork]:
    """Serve a feed at ``/new``, and a redirect anywhere else; yields the way to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/new"
            self.send_response(200 if found else 302)
            if not found:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(RSS if found else b"")

        def log_message(self, format: str, *args: object) -> None:  # as the class
            """Say nothing."""

    with HTTPServer((INSIDE, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield RecordingNetwork(server.server_port)
        server.shutdown()
        thread.join()


def look(network: RecordingNetwork, url: str = "http://wire.example/rss") -> int:
    """Look at the feed once; return how many records it brought."""
    spec = FeedSpec.model_validate({"url": url})
    with new_client(spec.url, network=network) as client:
        found = Feed(spec, client, Limits()).look(now=NOW)
    assert found is not None
    return len(found.records)


@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.1/new",
        "http://[::1]/new",
        "http://[::ffff:127.0.0.1]/new",
        "http://0x7f.1/new",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/new",
    ],
)
def test_a_feed_that_redirects_into_the_network_is_not_followed(where: str) -> None:
    with redirecting(where) as network, pytest.raises(FeedError, match="AddressRefused"):
        look(network, f"http://{PUBLIC}/rss")

    assert network.connected == [PUBLIC]


def test_a_redirect_to_a_name_that_changes_after_the_check_does_not_ask_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = ([PUBLIC], ["1.1.1.1"], [INSIDE])
    served, named = redirecting("http://other.example/new"), name_server(monkeypatch, *answers)
    with served as network, named as names:
        found = look(network)

    assert found == 1
    assert names.asked == ["wire.example", "other.example"]
    assert network.connected == [PUBLIC, "1.1.1.1"]


def test_a_redirect_to_a_name_that_leads_inside_is_refused_where_the_socket_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served, named = (
        redirecting("http://other.example/new"),
        name_server(monkeypatch, [PUBLIC], [INSIDE]),
    )
    served = redirecting("http://other.example/new")
    with served as network, named, pytest.raises(FeedError, match="AddressRefused"):
        look(network)

    assert network.connected == [PUBLIC]


def test_a_feed_inside_the_network_is_read_and_may_redirect_on_its_own_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with redirecting("/new") as network, name_server(monkeypatch, [INSIDE]):
        found = look(network)

    assert found == 1
    assert network.connected == [INSIDE, INSIDE]


def test_a_feed_redirects_to_no_other_scheme() -> None:
    for where in ("ftp://wire.example/new", "file:///etc/passwd", f"ftp://{PUBLIC}/new"):
        with redirecting(where) as network, pytest.raises(FeedError):
            look(network, f"http://{PUBLIC}/rss")

        assert network.connected == [PUBLIC]
