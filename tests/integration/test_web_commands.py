"""The commands that work on the database directly."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from alerts.delivery.secrets import decrypt, new_secret
from db.engine import Engine, transaction
from db.items import store_items
from db.migrate import current, head
from db.rows import Progress
from db.subscriptions import list_subscriptions
from pipeline.cli import main as cli
from tests.integration.samples import NEUTRAL, NOON, SVB, item
from tests.integration.web_client import API_KEY, SECRET_KEY

pytestmark = pytest.mark.integration


class Shell:
    """Runs commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, status: int = 0) -> str:
        """Return what a command printed to standard output, or to standard error if it failed."""
        self._monkeypatch.setattr(sys, "argv", ["tapewatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._capsys.readouterr()
        assert ended.value.code == status, said.err
        return said.err if status else said.out


@pytest.fixture
def shell(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell whose settings name a fresh, migrated database."""
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    monkeypatch.setenv("TAPEWATCH_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TAPEWATCH_DELIVERY__ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "160")
    return Shell(monkeypatch, capsys)


@pytest.fixture
def archive(engine: Engine) -> None:
    """Three items; the newest five days after the others."""
    late = NOON + timedelta(days=5, minutes=59)
    rows = [item("1"), item("2", tone=NEUTRAL, topics=("macro",)), item("3", at=late)]
    with transaction(engine) as session:
        store_items(session, rows, [Progress("news.raw.v1", 0, 3, late)])


@pytest.mark.usefixtures("archive")
def test_a_trend_is_printed_as_a_table(shell: Shell) -> None:
    text = shell.run("trends", "--entity", SVB.name.lower())

    assert f"{SVB.name}, 2023-03-07 12:00 to 2023-03-14 13:00 UTC" in text
    assert "2023-03-09 12:00" in text
    assert "accounts negative neutral positive stories sources mean score" in text


@pytest.mark.usefixtures("archive")
def test_a_trend_is_written_as_csv_and_json(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "trend.csv"
    shell.run("trends", "--topic", "macro", "--output", str(path))
    told = json.loads(shell.run("trends", "--window", "1d", "--format", "json"))

    [row] = csv.DictReader(StringIO(path.read_text(encoding="utf-8")))
    assert (row["start"], row["accounts"], row["neutral"]) == ("2023-03-09T12:00:00Z", "1", "1")
    assert [each["start"] for each in told] == ["2023-03-09T00:00:00Z", "2023-03-14T00:00:00Z"]
    assert [each["negative_share"] for each in told] == [0.5, 1.0]


def test_a_secret_is_rotated_and_shown_once(shell: Shell, engine: Engine) -> None:
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9000/", "--json"))
    said = shell.run("subscriptions", "rotate", made["id"], "--overlap-h", "0")
    with transaction(engine) as session:
        [stored] = list_subscriptions(session)

    assert said == f"secret  {decrypt(stored.secret, SECRET_KEY)}\n"
    assert made["secret"] not in said
    assert "no subscription" in shell.run("subscriptions", "rotate", str(uuid4()), status=1)


def test_a_trend_of_a_known_company_without_news_is_empty_and_no_error(shell: Shell) -> None:
    assert "no news" in shell.run("trends", "--entity", "Apple")
    assert shell.run("trends", "--entity", "Apple", "--format", "csv").count("\n") == 1


def test_an_unknown_name_is_told_with_what_to_give(shell: Shell) -> None:
    assert "symbol" in shell.run("trends", "--entity", "No Such Company", status=2)
    assert "macro" in shell.run("trends", "--topic", "weather", status=2)


def test_quiet_hours_and_watchlists_are_set_by_commands(shell: Shell) -> None:
    assert shell.run("watchlists", "set", "lenders", "SVB") == "lenders: SIVB\n"
    times = ("--quiet", "22:00-07:00", "--digest-at", "08:30", "--time-zone", "Asia/Shanghai")
    which = ("--watchlist", "lenders", "--sector", "financials", "--language", "zh")
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9/", *times, *which, "--json"))
    shell.run("subscriptions", "pause", made["id"])
    listed = shell.run("subscriptions", "list")
    shell.run("subscriptions", "resume", made["id"])

    assert "lenders, Financials; zh" in listed
    assert "quiet 22:00-07:00, digest at 08:30 Asia/Shanghai" in listed
    assert "PAUSED" in listed
    assert "PAUSED" not in shell.run("subscriptions", "list")
    assert "filters by it" in shell.run("watchlists", "remove", "lenders", status=1)
    assert "quiet: " in shell.run("subscribe", "http://127.0.0.1:9/", "--quiet", "x", status=2)
    assert json.loads(shell.run("watchlists", "list", "--json")) == {"lenders": ["SIVB"]}


def test_a_test_event_waits_for_a_scheduler_and_a_range_is_replayed(shell: Shell) -> None:
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9/", "--json"))
    said = shell.run("subscriptions", "test", made["id"], "--wait-s", "0", status=1)
    replayed = shell.run("subscriptions", "replay", made["id"], "--since", "1h")

    assert "does a scheduler run?" in said
    assert replayed == "0 deliveries begin anew\n"
    unknown = str(uuid4())
    for command in (("test",), ("resume",), ("pause",), ("replay", "--since", "1h")):
        assert "no subscription" in shell.run("subscriptions", *command, unknown, status=1)


def test_a_subscription_is_made_listed_and_removed(shell: Shell, engine: Engine) -> None:
    secret = new_secret()
    arguments = ("http://127.0.0.1:9000/", "--entity", "svb", "--severity", "critical")
    made = json.loads(shell.run("subscribe", *arguments, "--secret", secret, "--json"))
    with transaction(engine) as session:
        [stored] = list_subscriptions(session)
    listed = shell.run("subscriptions", "list")
    removed = shell.run("subscriptions", "remove", made["id"])

    assert made["secret"] == secret == decrypt(stored.secret, SECRET_KEY)
    assert (stored.entities, stored.severities) == (("SIVB",), ("critical",))
    assert made["id"] in listed
    assert "whsec_" not in listed
    assert made["id"] in removed
    assert "no subscription" in shell.run("subscriptions", "remove", made["id"], status=1)
    assert json.loads(shell.run("subscriptions", "list", "--json")) == []


def test_a_new_secret_is_printed_once(shell: Shell) -> None:
    text = shell.run("subscribe", "http://127.0.0.1:9000/")

    assert "secret  whsec_" in text


@pytest.mark.parametrize("url", ["http://example.com/", "https://10.0.0.1/", "nonsense"])
def test_an_endpoint_that_delivery_would_refuse_is_refused_now(
    shell: Shell, engine: Engine, url: str
) -> None:
    assert shell.run("subscribe", url, status=2).startswith("error: url: ")

    with transaction(engine) as session:
        assert list_subscriptions(session) == []


def test_a_database_that_is_not_migrated_is_told(
    shell: Shell, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)

    for arguments in (("trends",), ("subscriptions", "list"), ("subscribe", "https://a.example/")):
        assert "run `tapewatch migrate`" in shell.run(*arguments, status=1)


def test_the_web_service_answers_and_ends_in_order_when_it_is_told_to(
    database_url: str, tmp_path: Path
) -> None:
    env = os.environ | {
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TAPEWATCH_WEB__API_KEY": API_KEY,
    }
    log_path = tmp_path / "web.log"
    command = [sys.executable, "-m", "pipeline.cli.main", "web", "--port", "0"]
    with log_path.open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as web:  # noqa: S603
        try:
            port = wait_for(r"port=(\d+)", log_path, web)
            with httpx.Client(headers={"Authorization": f"Bearer {API_KEY}"}) as client:
                answer = client.get(f"http://127.0.0.1:{port}/v1/alerts", timeout=20)
            web.terminate()
            status = web.wait(10)
        finally:
            web.kill()

    assert (answer.status_code, answer.json()) == (200, {"alerts": [], "next_cursor": None})
    assert status == 0
    assert "web_stopped" in log_path.read_text()


def wait_for(pattern: str, log_path: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the pattern's first group, once a log holds it."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(pattern, log_path.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log_path.read_text())


def test_migrate_without_a_broker_makes_the_schema_and_says_what_to_do(
    shell: Shell, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)
    monkeypatch.setenv("TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    said = shell.run("migrate", status=1)

    assert said.startswith("error: the Kafka broker cannot be used: ")
    assert "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS" in said
    assert current(empty_database_url) == head()


def test_migrate_makes_schema_and_topics_and_can_be_repeated(
    shell: Shell,
    empty_database_url: str,
    bootstrap_servers: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)
    monkeypatch.setenv("TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS", bootstrap_servers)
    monkeypatch.setenv("TAPEWATCH_KAFKA__RAW_TOPIC", "raw-of-the-commands")

    assert "raw-of-the-commands" in shell.run("migrate")
    assert "topics exist" in shell.run("migrate")
    assert "no subscriptions" in shell.run("subscriptions", "list")


def test_the_web_service_ends_in_order_with_a_stream_open(
    database_url: str, tmp_path: Path
) -> None:
    env = os.environ | {
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TAPEWATCH_WEB__API_KEY": API_KEY,
    }
    log_path = tmp_path / "web.log"
    command = [sys.executable, "-m", "pipeline.cli.main", "web", "--port", "0"]
    with log_path.open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as web:  # noqa: S603
        try:
            port = wait_for(r"port=(\d+)", log_path, web)
            address = f"http://127.0.0.1:{port}/v1/alerts/stream"
            headers = {"Authorization": f"Bearer {API_KEY}"}
            with httpx.stream("GET", address, headers=headers, timeout=20) as answer:
                next(answer.iter_lines())
                web.terminate()
                started = time.monotonic()
                status = web.wait(10)
        finally:
            web.kill()

    assert status == 0
    assert time.monotonic() - started < 6, "sooner than streams are cut off"
