"""The receiver of `tapewatch listen`: what it believes and what it refuses."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from httpx import Headers
from standardwebhooks import Webhook
from typer.testing import CliRunner

from alerts.delivery.secrets import new_secret
from alerts.messages import AlertEvent, event_body
from pipeline.cli.main import app
from pipeline.receiver import Receiver, make_server
from tests.unit.alert_events import event

SECRET = new_secret()


def signed(body: bytes, *, message_id: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(message_id, now, body.decode()),
    }


BODY = event_body(event()).encode()


def test_a_signed_alert_is_taken_once_however_often_it_comes() -> None:
    taken: list[bytes] = []
    receiver = Receiver(SECRET, lambda _, body: taken.append(body))

    answers = [receiver.accept(signed(BODY), BODY) for _ in range(3)]

    assert answers == [HTTPStatus.NO_CONTENT] * 3
    assert taken == [BODY]


FORGED = pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(BODY, secret=new_secret()),
        signed(BODY + b" "),
        signed(BODY) | {"Webhook-Timestamp": "1000000000"},
        signed(BODY) | {"Webhook-Timestamp": "soon"},
        signed(BODY) | {"Webhook-Signature": "nonsense"},
        signed(BODY) | {"Webhook-Id": "msg_2"},
    ],
    ids=["none", "other secret", "other body", "old", "no time", "nonsense", "other id"],
)


@FORGED
def test_a_request_that_is_not_signed_well_is_refused(headers: dict[str, str]) -> None:
    taken: list[bytes] = []
    receiver = Receiver(SECRET, lambda _, body: taken.append(body))

    assert receiver.accept(headers, BODY) is HTTPStatus.UNAUTHORIZED
    assert taken == []


def documented() -> Callable[[str, Mapping[str, str], bytes], bool]:
    """Return the function that docs/webhooks.md shows for receivers without a library."""
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    found = re.search(r"```python\n(import base64.*?)```", page, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102  # our own page
    verified: Callable[[str, Mapping[str, str], bytes], bool] = names["verified"]
    return verified


def test_the_documented_function_takes_what_either_of_two_secrets_signed() -> None:
    old = new_secret()
    headers = Headers(signed(BODY, secret=old))
    both = f"{headers['webhook-signature']} {signed(BODY)['Webhook-Signature']}"

    assert documented()(SECRET, Headers(signed(BODY)), BODY)
    assert documented()(SECRET, headers, BODY) is False
    assert documented()(SECRET, Headers({**headers, "webhook-signature": both}), BODY)


@FORGED
def test_the_documented_function_refuses_what_is_not_signed_well(headers: dict[str, str]) -> None:
    assert documented()(SECRET, Headers(headers), BODY) is False


def test_a_signed_body_that_is_no_event_is_refused() -> None:
    receiver = Receiver(SECRET, lambda _event, _body: None)

    assert receiver.accept(signed(b"{}"), b"{}") is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("kind", ["subscription.test", "alert.digest", "of.a.later.version"])
def test_a_signed_event_about_no_single_alert_is_taken_as_a_notice(kind: str) -> None:
    told: list[str] = []
    body = json.dumps({"type": kind, "timestamp": "2023-03-09T12:00:00Z", "data": {}}).encode()
    receiver = Receiver(
        SECRET,
        lambda _event, _body: pytest.fail("it is no alert"),
        lambda notice, _: told.append(notice.type),
    )

    answers = [receiver.accept(signed(body), body) for _ in range(2)]

    assert answers == [HTTPStatus.NO_CONTENT] * 2
    assert told == [kind]


def test_an_alert_that_lacks_its_fields_is_refused() -> None:
    body = b'{"type": "alert.fired", "timestamp": "2023-03-09T12:00:00Z", "data": {}}'
    receiver = Receiver(SECRET, lambda _event, _body: None)

    assert receiver.accept(signed(body), body) is HTTPStatus.BAD_REQUEST


def test_an_event_that_could_not_be_kept_is_taken_at_the_next_attempt() -> None:
    taken: list[bytes] = []

    def keep(_: AlertEvent, body: bytes) -> None:
        if not taken:
            taken.append(b"")
            raise OSError("disk full")
        taken.append(body)

    receiver = Receiver(SECRET, keep)
    with pytest.raises(OSError, match="disk full"):
        receiver.accept(signed(BODY), BODY)

    assert receiver.accept(signed(BODY), BODY) is HTTPStatus.NO_CONTENT
    assert taken == [b"", BODY]


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        Receiver("whsec_x", lambda _event, _body: None)


@pytest.fixture
def port() -> Iterator[int]:
    """Port of a running server."""
    receiver = Receiver(SECRET, lambda _event, _body: None)
    with make_server(receiver, "127.0.0.1", 0, on_refusal=lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": str(len(BODY))}, 204),
        ({"Content-Length": str(len(BODY))}, 401),
        ({"Content-Length": "20001"}, 413),
        ({"Content-Length": "-1"}, 411),
        ({}, 411),
    ],
    ids=["signed", "unsigned", "too long", "negative", "no length"],
)
def test_the_server_answers_over_http(port: int, headers: dict[str, str], status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("POST", "/")
    for name, value in (headers | (signed(BODY) if status == 204 else {})).items():
        connection.putheader(name, value)
    connection.endheaders(BODY if status in {204, 401} else None)
    answer = connection.getresponse()
    connection.close()

    assert answer.status == status


def test_a_port_in_use_is_named() -> None:
    with make_server(
        Receiver(SECRET, lambda _event, _body: None), "127.0.0.1", 0, on_refusal=lambda _: None
    ) as server:
        port = str(server.server_port)
        result = CliRunner().invoke(app, ["listen", "--port", port, "--secret", SECRET])

    assert result.exit_code == 1
    assert f"port {port} is in use; choose another with --port" in result.stderr
