"""The whole chain with the real model: `tapewatch demo`, as its user runs it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import psycopg
import pytest

from pipeline.demo import make_stream
from pipeline.demo.services import ENCORE

ROOT = Path(__file__).parents[2]
# In the environment of all that a demo starts, and of nothing else.
MARK = "TAPEWATCH_E2E_MARK"
BANK = "quillmere"
ENCORE_COMPANY = "nimbrava"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc"),
]


class Demo:
    """A demo process and all that descends from it."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state = state
        self.mark = uuid4().hex
        command = [sys.executable, "-m", "pipeline.cli.main", "demo", "--state", str(state)]
        self.log_path = state.with_suffix(".out")
        with self.log_path.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603
                [*command, *arguments],
                cwd=ROOT,
                env={**os.environ, MARK: self.mark},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log_path.read_text()

    def command(self, *arguments: str) -> list[str]:
        """Command line of `tapewatch ARGUMENTS` in a shell that has read the demo's env file."""
        script = 'file=$1; shift; . "$file"; exec "$@"'
        tapewatch = [sys.executable, "-m", "pipeline.cli.main", *arguments]
        return ["/bin/sh", "-c", script, "sh", str(self.state / "env"), *tapewatch]

    def tapewatch(self, *arguments: str) -> str:
        """Run `tapewatch ARGUMENTS` as its user would beside the demo; return what it prints."""
        return subprocess.run(  # noqa: S603
            self.command(*arguments),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    def pids(self, word: str = "") -> list[int]:
        """Processes of this demo, itself included, with a word in their command line."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                ours = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has just ended, or is not ours to look at
                continue
            if ours and (not word or word.encode() in command):
                found.append(int(folder.name))
        return found

    def stored(self) -> int:
        """Items in its database; 0 while there is none."""
        env = self.state / "env"
        if not env.exists():
            return 0
        found = re.search(r"TAPEWATCH_DATABASE__URL='?([^'\n]+)", env.read_text())
        try:
            with psycopg.connect(found[1] if found else "") as connection:
                row = connection.execute("SELECT count(*) FROM v_items").fetchone()
        except psycopg.Error:
            return 0
        return int(row[0]) if row else 0

    def wait(self, condition: Callable[[], bool], *, at_most_s: float = 180) -> None:
        """Wait for a condition while the demo runs."""
        deadline = time.monotonic() + at_most_s
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def wait_gone(self, *, at_most_s: float = 40) -> list[int]:
        """Wait until no process is left; return those that are."""
        deadline = time.monotonic() + at_most_s
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.pids()


@contextmanager
def running(state: Path, *arguments: str) -> Iterator[Demo]:
    demo = Demo(state, *arguments)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
        demo.process.wait(30)


@contextmanager
def listening(demo: Demo, alerts: Path) -> Iterator[None]:
    """A subscriber of one's own, made the way the hints say."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    subscribed = demo.tapewatch("subscribe", f"http://127.0.0.1:{port}/")
    secret = subscribed.split()[-1]
    command = demo.command("listen", "--port", port, "--secret", secret, "--alerts", str(alerts))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as receiver:  # noqa: S603
        try:
            yield
        finally:
            receiver.terminate()


def fired(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in said if event["type"] == "alert.fired"]


def events(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def told(output: str, name: str) -> int:
    """A count of the summary."""
    found = re.search(rf"{name}\s+([\d,]+)", output)
    assert found is not None, output
    return int(found[1].replace(",", ""))


def test_the_stream_gives_one_alert_though_a_worker_is_killed_and_the_encore_another(
    folder: Path,
) -> None:
    alerts = folder / "alerts.jsonl"
    own_alerts = folder / "own.jsonl"
    with running(folder / "demo", "--alerts", str(alerts)) as demo:
        demo.wait(lambda: demo.stored() >= 300)
        for pid in demo.pids("worker"):
            os.kill(pid, signal.SIGKILL)
        demo.wait(lambda: "ended with status -9" in demo.output, at_most_s=30)
        demo.wait(lambda: "All stays up" in demo.output, at_most_s=300)
        said = events(alerts)
        with listening(demo, own_alerts):
            demo.tapewatch("ingest", str(ENCORE))
            demo.wait(lambda: fired(events(own_alerts)) != [], at_most_s=60)
        demo.process.send_signal(signal.SIGINT)

        assert demo.process.wait(40) == 0, demo.output
        assert demo.pids() == []

    schema = json.loads((ROOT / "docs/schemas/alert.v1.json").read_text())
    for event in said:
        jsonschema.validate(event, schema)
    assert [event["data"]["scope"]["id"] for event in fired(said)] == [BANK]
    alert = fired(said)[0]["data"]
    assert alert["scope"]["name"] == "Quillmere Bancorp"
    assert alert["detected_at"].startswith("2026-03-05")
    assert len(alert["evidence"]) >= 3
    assert alert["observed"] >= 2 * alert["expected"]
    assert {event["data"]["scope"]["id"] for event in said} == {BANK}
    assert len({(event["type"], event["data"]["id"]) for event in said}) == len(said)
    distinct = make_stream.stream_text().count("\n") - make_stream.REPEATED
    assert told(demo.output, "distinct ids") == distinct
    assert told(demo.output, "stored") == distinct
    assert told(demo.output, "dead letters") == 0
    assert told(demo.output, "webhooks verified") == len(said)
    assert "Quillmere" in demo.output
    assert str(ENCORE) in demo.output
    assert [event["data"]["scope"]["id"] for event in fired(events(own_alerts))] == [ENCORE_COMPANY]


def test_a_demo_leaves_no_process_behind_and_starts_again_after_sigkill(folder: Path) -> None:
    state = folder / "demo"
    services = ("worker", "scheduler", "web", "broker")
    with running(state) as killed:
        killed.wait(lambda: all(killed.pids(word) for word in services))
        killed.process.kill()
        killed.process.wait(10)
        assert killed.wait_gone() == []

    with running(state, "--exit", "--until", "2026-03-02T07:00:00") as done:
        assert done.process.wait(180) == 0, done.output
        assert done.pids() == []
    assert told(done.output, "stored") == told(done.output, "distinct ids") > 0


def test_a_recording_that_cannot_be_read_ends_the_demo_with_a_reason(folder: Path) -> None:
    broken = folder / "news.jsonl.gz"
    broken.write_bytes(b"\x1f\x8b but no gzip")
    with running(folder / "demo", "--replay", str(broken), "--exit") as demo:
        assert demo.process.wait(120) == 1

        assert "error: " in demo.output
        assert "news.jsonl.gz" in demo.output
        assert "Traceback" not in demo.output
        assert demo.pids() == []
