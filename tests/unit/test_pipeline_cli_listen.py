"""The receiver of `tapewatch listen`: what it believes, what it keeps, what it shows."""

import http.client
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console
from standardwebhooks import Webhook

from alerts.delivery.secrets import new_secret
from alerts.messages import AlertData, AlertEvent, Evidence, Scope, Window, event_body
from alerts.types import Severity, TransitionKind
from pipeline.alert_file import AlertFile
from pipeline.cli.render import render_alert
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


@pytest.mark.parametrize(
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
def test_a_request_that_is_not_signed_well_is_refused(headers: dict[str, str]) -> None:
    taken: list[bytes] = []
    receiver = Receiver(SECRET, lambda _, body: taken.append(body))

    assert receiver.accept(headers, BODY) is HTTPStatus.UNAUTHORIZED
    assert taken == []


def test_a_signed_body_that_is_no_alert_is_refused() -> None:
    receiver = Receiver(SECRET, lambda _event, _body: None)

    assert receiver.accept(signed(b"{}"), b"{}") is HTTPStatus.BAD_REQUEST


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


def shown(what: AlertEvent) -> str:
    screen = StringIO()
    Console(file=screen, width=200).print(render_alert(what))
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


def test_a_title_can_neither_style_the_terminal_nor_command_it() -> None:
    text = shown(event(title="[bold]x[/bold] \x1b[2J\x07 :smile:"))

    assert "[bold]x[/bold]  [2J  :smile:" in text
    assert "\x1b" not in text
