"""The receiver of `tapewatch listen`: what it believes, what it keeps, what it shows."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import Headers
from rich.console import Console
from standardwebhooks import Webhook
from typer.testing import CliRunner

from alerts.delivery.secrets import new_secret
from alerts.messages import AlertData, AlertEvent, Evidence, Scope, Window, event_body
from alerts.notices import SubscriptionTest, Trial
from alerts.types import Severity, TransitionKind
from pipeline.alert_file import AlertFile
from pipeline.cli.main import app
from pipeline.cli.render import render_alert, render_notice
from pipeline.receiver import Receiver, make_server

NOON = datetime(2023, 3, 9, 12, tzinfo=UTC)
SECRET = new_secret()


def event(kind: TransitionKind = TransitionKind.FIRED, *, title: str = "Bank fails") -> AlertEvent:
    evidence = Evidence(
        title=title, source="wire", url="https://wire.example/1", published_at=NOON, score=-0.93
    )
    alert = AlertData(
        id=UUID(int=7),
        detector="negative_spike",
        severity=Severity.CRITICAL,
        scope=Scope(kind="entity", id="SIVB", name="Silicon Valley Bank"),
        detected_at=NOON,
        window=Window(start=NOON - timedelta(hours=4), end=NOON),
        observed=12,
        expected=0.8,
        items=18,
        accounts=14,
        stories=3,
        sources=7,
        evidence=(evidence,) * 5,
    )
    return AlertEvent(type=kind, timestamp=NOON, data=alert)


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


def test_a_file_of_alerts_has_each_event_once_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    resolved = event_body(event(TransitionKind.RESOLVED)).encode()
    with AlertFile(path) as file:
        assert [file.append(BODY), file.append(BODY)] == [True, False]

    with AlertFile(path) as file:
        assert [file.append(BODY), file.append(resolved)] == [False, True]

    assert path.read_bytes().splitlines() == [BODY, resolved]


def test_a_line_that_a_crash_cut_short_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"kept": 1}\n' + BODY[:50])

    with AlertFile(path) as file:
        file.append(BODY)

    assert path.read_bytes() == b'{"kept": 1}\n' + BODY + b"\n"


def test_a_body_of_several_lines_becomes_one(tmp_path: Path) -> None:
    with AlertFile(tmp_path / "alerts.jsonl") as file:
        file.append(b'{\n  "a": "b\\n"\n}')

    assert (tmp_path / "alerts.jsonl").read_text() == '{"a":"b\\n"}\n'


def shown(what: AlertEvent, *, width: int = 200) -> str:
    screen = StringIO()
    Console(file=screen, width=width).print(render_alert(what))
    return screen.getvalue()


def test_a_shown_alert_says_what_rose_from_what_to_what_and_why() -> None:
    text = shown(event())

    assert "ALERT Silicon Valley Bank (entity SIVB), critical  2023-03-09 12:00 UTC" in text
    assert "in 4 h rose to 12 where 0.8 is usual, 15.0 times as many." in text
    assert "2023-03-09 08:00 UTC to 2023-03-09 12:00 UTC: 18 items" in text
    assert text.count("-0.93 2023-03-09 12:00 UTC  wire  Bank fails") == 3
    assert text.count("https://wire.example/1") == 3


def test_a_resolved_alert_says_that_it_is_over() -> None:
    text = shown(event(TransitionKind.RESOLVED))

    assert text.startswith("resolved Silicon Valley Bank")
    assert "are back to 12 where 0.8 is usual" in text


def test_a_narrow_terminal_loses_nothing_of_an_alert() -> None:
    text = shown(event(title="Depositors " * 12), width=40)

    words = "".join(text.split())
    assert "thenegativeonestell3storiesfrom7sources." in words
    assert words.count("Depositors") == 36
    assert words.count("https://wire.example/1") == 3


def test_a_score_that_rounds_to_zero_has_no_minus() -> None:
    none = event().data.evidence[0].model_copy(update={"score": -0.001})
    data = event().data.model_copy(update={"evidence": (none,)})

    assert "+0.00 2023-03-09" in shown(event().model_copy(update={"data": data}))


def test_a_test_event_is_shown_with_what_it_says() -> None:
    screen = StringIO()
    notice = SubscriptionTest(timestamp=NOON, data=Trial(subscription_id=UUID(int=7)))

    Console(file=screen, width=200).print(render_notice(notice, notice.model_dump_json().encode()))

    assert screen.getvalue().startswith("subscription.test  2023-03-09 12:00 UTC\n")
    assert "This is a test of tapewatch. No alert has fired." in screen.getvalue()


def test_a_port_in_use_is_named() -> None:
    with make_server(
        Receiver(SECRET, lambda _event, _body: None), "127.0.0.1", 0, on_refusal=lambda _: None
    ) as server:
        port = str(server.server_port)
        result = CliRunner().invoke(app, ["listen", "--port", port, "--secret", SECRET])

    assert result.exit_code == 1
    assert f"port {port} is in use; choose another with --port" in result.stderr


def test_a_title_can_neither_style_the_terminal_nor_command_it() -> None:
    text = shown(event(title="[bold]x[/bold] \x1b[2J\x07 :smile:"))

    assert "[bold]x[/bold]  [2J  :smile:" in text
    assert "\x1b" not in text
