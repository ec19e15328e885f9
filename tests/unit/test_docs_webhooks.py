"""The whole receiver that docs/webhooks.md shows, run as a program of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.webhook import Attempt, Outcome, send
from alerts.messages import event_body
from tests.compose import ROOT
from tests.unit.alert_events import event

SECRET = new_secret()
BODY = event_body(event())


@pytest.fixture
def program(tmp_path: Path) -> Path:
    page = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    [text] = re.findall(r'```python\n("""A receiver.*?)```', page, re.DOTALL)
    path = tmp_path / "receiver.py"
    path.write_text(text, "utf-8")
    return path


class Running:
    """A receiver that listens, and what it prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._port = self.line().removeprefix("listening on ")

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def get(self, message_id: str, *, secret: str = SECRET, body: str = BODY) -> Attempt:
        """Deliver an event to it as the scheduler does."""
        with guarded_client(allow_hosts=["127.0.0.1"]) as client:
            return send(
                client,
                url=f"http://127.0.0.1:{self._port}/",
                secrets=[secret],
                message_id=message_id,
                body=body,
                now=datetime.now(UTC),
                timeout_s=10,
            )


@contextmanager
def running(program: Path) -> Iterator[Running]:
    with subprocess.Popen(  # noqa: S603  # our own page
        [sys.executable, program, "0"],
        cwd=program.parent,
        env={**os.environ, "WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()


def test_the_documented_receiver_takes_each_signed_event_once(program: Path) -> None:
    with running(program) as receiver:
        answers = [receiver.get(each) for each in ("msg_1", "msg_1", "msg_2")]
        told = [receiver.line() for _ in range(2)]
    with running(program) as receiver:  # what it had before it ended it has still
        answers += [receiver.get(each) for each in ("msg_1", "msg_3")]
        told.append(receiver.line())

    assert [(each.outcome, each.status) for each in answers] == [(Outcome.DELIVERED, 204)] * 5
    assert told == [f"alert.fired {event().data.scope.name}"] * 3


def test_the_documented_receiver_refuses_what_is_not_signed_or_too_long(program: Path) -> None:
    with running(program) as receiver:
        forged = receiver.get("msg_1", secret=new_secret())
        long = receiver.get("msg_2", body=BODY + " " * 20_000)

    assert (forged.status, long.status) == (401, 413)
