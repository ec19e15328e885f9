"""The demo's folder and its receiver."""

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import httpx
import pytest
from cryptography.fernet import Fernet
from rich.console import Console
from standardwebhooks import Webhook

from alerts.delivery.secrets import new_secret
from alerts.messages import AlertEvent, event_body
from pipeline.alert_file import AlertFile
from pipeline.demo.chain import Recording
from pipeline.demo.demo import Options, Result, run, standing_line
from pipeline.demo.inbox import open_inbox
from pipeline.demo.progress import Census, Standing, take_census
from pipeline.demo.state import State, StateInUse, use_state
from pipeline.messages import Limits

EVENT = event_body(
    AlertEvent.model_validate(
        {
            "type": "alert.fired",
            "timestamp": "2026-03-05T09:00:00Z",
            "data": {
                "id": "7b0a6a9e-44ad-4a34-9a0f-0d2d3f3c8f11",
                "detector": "negative_spike",
                "severity": "warning",
                "scope": {"kind": "entity", "id": "quillmere", "name": "Quillmere Bancorp"},
                "detected_at": "2026-03-05T09:00:00Z",
                "window": {"start": "2026-03-05T05:00:00Z", "end": "2026-03-05T09:00:00Z"},
                "observed": 4,
                "expected": 0.1,
                "items": 4,
                "accounts": 4,
                "stories": 4,
                "sources": 4,
                "evidence": [],
            },
        }
    )
)


def signed(secret: str, message_id: str, body: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }


def standing(*, stored: int, dead_letters: int = 0, event_at: datetime | None = None) -> Standing:
    return Standing(
        stored=stored,
        dead_letters=dead_letters,
        alerts=1,
        firing=0,
        event_at=event_at,
        all_stored=True,
        all_said=True,
    )


@contextmanager
def handlers_kept() -> Iterator[None]:
    """A demo takes the signals of its process, which here is the tests'."""
    kept = {number: signal.getsignal(number) for number in (SIGINT, SIGTERM, SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    state = State(tmp_path)

    secrets = state.secrets()

    assert secrets == State(tmp_path).secrets()
    assert len(secrets.api_key) >= 32
    assert Fernet(secrets.fernet_key).encrypt(b"") != b""
    assert mode(tmp_path / "secrets.json") == 0o600


def test_the_environment_file_is_private_and_a_shell_reads_it(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.env_file.write_text("old")
    state.env_file.chmod(0o644)

    state.write_env({"TAPEWATCH_X": 'it\'s & "quoted"'}, clients=tmp_path / "my clients")

    said = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", '. "$0"; printf "%s\\n" "$TAPEWATCH_X" "$PATH"', str(state.env_file)],
        capture_output=True,
        text=True,
        check=True,
    )
    value, path = said.stdout.splitlines()
    assert value == 'it\'s & "quoted"'
    assert path.startswith(f"{Path(sys.executable).parent}:")
    assert path.endswith(f":{tmp_path}/my clients")
    assert mode(state.env_file) == 0o600


def test_two_demos_cannot_use_one_folder(tmp_path: Path) -> None:
    with (
        use_state(tmp_path / "demo"),
        pytest.raises(StateInUse, match="--state"),
        use_state(tmp_path / "demo"),
    ):
        pass

    with use_state(tmp_path / "demo") as state:
        assert state.folder == tmp_path / "demo"


def test_the_inbox_takes_signed_events_once_and_keeps_them_in_the_file(tmp_path: Path) -> None:
    secret = new_secret()
    with AlertFile(tmp_path / "alerts.jsonl") as file, open_inbox(secret, file) as inbox:
        headers = signed(secret, "msg_1", EVENT)
        forged = signed(new_secret(), "msg_2", EVENT)

        statuses = [
            httpx.post(inbox.url, content=EVENT, headers=each).status_code
            for each in (headers, headers, forged)
        ]

        assert statuses == [204, 204, 401]
        assert [event.data.scope.name for event in inbox.take()] == ["Quillmere Bancorp"]
        assert inbox.take() == []
    assert (tmp_path / "alerts.jsonl").read_text() == EVENT + "\n"


def test_a_second_demo_does_not_say_that_it_stops_anything(tmp_path: Path) -> None:
    screen = StringIO()
    recording = Recording(tmp_path / "news.jsonl", "max", None, shipped=False)
    options = Options(recording, None, exits=False, state=tmp_path / "demo", workers=1)

    with use_state(tmp_path / "demo"), handlers_kept(), pytest.raises(StateInUse):
        run(options, Console(file=screen))

    assert screen.getvalue() == ""


def test_a_demo_says_why_nothing_is_stored_yet() -> None:
    line = standing_line(standing(stored=0), 8)

    assert line == "0/8 items stored; the worker is loading the model"


def test_a_demo_says_how_far_it_is() -> None:
    at = datetime(2026, 3, 5, 9, tzinfo=UTC)

    line = standing_line(standing(stored=1200, event_at=at), 2400)

    assert line == "1,200/2,400 items stored, at 2026-03-05 09:00 UTC; alerts: 1, firing: 0"


@pytest.mark.parametrize(
    ("stored", "dead_letters", "complete"), [(8, 1, True), (7, 1, False), (9, 1, False)]
)
def test_a_result_is_complete_when_each_item_is_stored_once(
    *, stored: int, dead_letters: int, complete: bool
) -> None:
    told = standing(stored=stored, dead_letters=dead_letters)
    result = Result(Census(items=10, distinct=8, unreadable=1), told, events=3)

    assert result.complete is complete
    assert "webhooks verified          3" in result.summary()


def test_a_census_counts_what_a_replay_will_play(tmp_path: Path) -> None:
    line = '{"published_at": "2026-03-0%dT09:00:00Z", "title": "t", "source": "s"}\n'
    path = tmp_path / "news.jsonl"
    path.write_text(line % 2 + line % 2 + "\n" + "no json\n" + line % 3 + line % 4)

    census = take_census(path, limits=Limits(), until=datetime(2026, 3, 4, tzinfo=UTC))

    assert census == Census(items=4, distinct=2, unreadable=1)
