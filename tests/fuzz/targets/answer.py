"""What a webhook's endpoint sends back, byte by byte."""

import ssl
from datetime import timedelta
from functools import cache

from alerts.delivery.schedule import MAX_RETRY_AFTER, next_attempt_at
from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.webhook import Attempt, Outcome, send
from tests.fuzz.items import NOW
from tests.fuzz.network import NotedNetwork, names_of_ours
from tests.fuzz.target import Target


def run(content: bytes) -> None:
    """Send to an endpoint that answers so; whatever it is, an outcome comes of it."""
    with guarded_client(network=NotedNetwork(content), ssl_context=_tls()) as client:
        made: Attempt = send(
            client,
            url="https://hooks.example.com/alerts",
            secrets=[_secret()],
            message_id="msg_1",
            body="{}",
            now=NOW,
            timeout_s=5,
        )
    assert (made.outcome is Outcome.DELIVERED) == (made.detail is None)
    due = next_attempt_at(1, now=NOW, retry_after=made.retry_after)
    assert due is not None
    assert timedelta(0) < due - NOW <= MAX_RETRY_AFTER


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _secret() -> str:
    return new_secret()


def _http(status: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"HTTP/1.1 " + status, *headers]
    return b"\r\n".join([*lines, b"", body])


TARGET = Target(
    run,
    seeds=(
        _http(b"204 No Content"),
        _http(b"200 OK", b"Content-Length: 2", body=b"ok"),
        _http(b"410 Gone"),
        _http(b"503 Busy", b"Retry-After: 120"),
        _http(b"429 Slow", b"Retry-After: Fri, 01 Mar 2024 13:00:00 GMT"),
        _http(b"429 Slow", b"Retry-After: Fri, 31 Dec 9999 23:59:59 -2359"),
        _http(b"429 Slow", b"Retry-After: " + b"9" * 5_000),
        _http(b"301 Moved", b"Location: http://127.0.0.1/"),
        _http(b"100 Continue") + _http(b"200 OK"),
        _http(b"101 Switching Protocols", b"Upgrade: x", b"Connection: upgrade"),
        _http(b"200 OK", b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
        _http(b"200 OK", b"Content-Encoding: gzip", b"Content-Length: 1", body=b"x"),
        b"HTTP/2 200\r\n\r\n",
        b"\x15\x03\x01",
        b"",
    ),
    words=(
        b"HTTP/1.1 ",
        b"HTTP/1.0 ",
        b"\r\n",
        b"Retry-After: ",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked",
        b"Connection: ",
        b"Upgrade: ",
        b"Location: ",
        b"Set-Cookie: ",
        b"100 ",
        b"503 ",
        b" GMT",
        b" -0000",
        b"\xb2",
    ),
    surroundings=names_of_ours,
)
