"""What `tapewatch doctor` finds, on real servers."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from models.version import SHIPPED
from pipeline import doctor
from pipeline.cli.main import app
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics
from tests.tiny_models import save_model

pytestmark = pytest.mark.integration

NAMES = ["broker", "database", "migrations", "model", "feeds", "clock", "disk"]


@pytest.fixture
def well(
    bootstrap_servers: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Make the environment one in which all is well; return the model's folder."""
    run = uuid4().hex[:8]
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap_servers,
        raw_topic=f"{run}.raw",
        scored_topic=f"{run}.scored",
        dead_letter_topic=f"{run}.dlq",
    )
    ensure_topics(kafka)
    model = save_model(tmp_path / "model")
    for name in ("bootstrap_servers", "raw_topic", "scored_topic", "dead_letter_topic"):
        monkeypatch.setenv(f"TAPEWATCH_KAFKA__{name.upper()}", str(getattr(kafka, name)))
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    monkeypatch.setenv("TAPEWATCH_MODEL__PATH", str(model))
    monkeypatch.setenv("TAPEWATCH_WORKER__STATE_DIR", str(tmp_path / "not" / "yet"))
    return model


def told(*, status: int) -> dict[str, dict[str, object]]:
    answer = CliRunner().invoke(app, ["doctor", "--json"])
    assert answer.exit_code == status, answer.output
    content = json.loads(answer.stdout)
    assert content["ok"] is (status == 0)
    return {check["name"]: check for check in content["checks"]}


def wrong(checks: dict[str, dict[str, object]]) -> list[str]:
    assert all(check["advice"] for check in checks.values() if not check["ok"])
    return [name for name, check in checks.items() if not check["ok"]]


@pytest.mark.usefixtures("well")
def test_where_all_is_well_the_doctor_says_so_with_status_0() -> None:
    assert list(told(status=0)) == NAMES

    answer = CliRunner().invoke(app, ["doctor"])
    assert answer.exit_code == 0
    assert answer.stdout.count("ok ") >= len(NAMES)


@pytest.mark.usefixtures("well")
def test_what_is_away_is_named_with_what_to_do_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    url = f"postgresql://someone:s3cret-word@/none?host={tmp_path}"
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", url)

    checks = told(status=1)

    assert wrong(checks) == ["broker", "database", "migrations", "clock"]
    assert "TAPEWATCH_DATABASE__URL" in str(checks["database"]["advice"])
    assert "s3cret-word" not in str(checks)


@pytest.mark.usefixtures("well")
def test_topics_and_a_schema_that_are_missing_are_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("TAPEWATCH_KAFKA__SCORED_TOPIC", "nowhere")
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)

    checks = told(status=1)

    assert wrong(checks) == ["broker", "migrations"]
    assert {checks[name]["advice"] for name in ("broker", "migrations")} == {
        "run `tapewatch migrate`"
    }


def test_a_model_of_which_a_byte_is_another_is_named(well: Path) -> None:
    weights = well / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    checks = told(status=1)

    assert wrong(checks) == ["model"]
    assert "model.safetensors" in str(checks["model"]["detail"])


@pytest.mark.usefixtures("well")
def test_a_feed_that_does_not_answer_is_named_without_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text('[[feed]]\nurl = "http://127.0.0.1:1/t0ken"\nsource = "Wire"\n')
    monkeypatch.setenv("TAPEWATCH_INGEST__FEEDS", str(feeds))

    checks = told(status=1)

    assert wrong(checks) == ["feeds"]
    assert "Wire: ConnectError" in str(checks["feeds"]["detail"])
    assert "t0ken" not in str(checks)


@pytest.mark.usefixtures("well")
def test_a_clock_that_is_off_and_a_disk_that_is_full_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class LateClock(datetime):
        """A clock of a year long ago."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # its narrower form
            assert tz is UTC
            return datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(doctor, "datetime", LateClock)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))

    assert wrong(told(status=1)) == ["clock", "disk"]


def test_the_shipped_model_is_whole() -> None:
    assert doctor._model("shipped").ok  # needs no server
    assert SHIPPED.is_dir()
