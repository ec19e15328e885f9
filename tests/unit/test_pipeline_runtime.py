"""Settings from the environment: what is refused, and in which words."""

import subprocess
from pathlib import Path
from typing import cast

import pytest

from pipeline.demo.embedded import EmbeddedBroker
from pipeline.demo.services import service_env
from pipeline.demo.state import State
from pipeline.runtime import SettingsError, load_settings
from pipeline.settings import known_variables


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TAPEWATCH_DATABSE__URL", "TAPEWATCH_DATABASE__URL"),
        ("TAPEWATCH_KAFKA__PARTITONS", "TAPEWATCH_KAFKA__PARTITIONS"),
        ("TAPEWATCH_DATABASE_URL", "TAPEWATCH_DATABASE__URL"),
        ("tapewatch_log_levle", "TAPEWATCH_LOG_LEVEL"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_one_that_was_meant(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "s3cret")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert f"{name.upper()}: is no setting; did you mean {meant}?" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_variable_like_no_other_is_refused_without_a_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAPEWATCH_QQQ", "1")

    with pytest.raises(SettingsError, match=r"TAPEWATCH_QQQ: is no setting$"):
        load_settings()


def test_each_wrong_setting_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_KAFKA__PARTITONS", "3")
    monkeypatch.setenv("TAPEWATCH_WEB__PORT", "99999")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    told = [line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:]]
    assert told == ["TAPEWATCH_KAFKA__PARTITONS", "TAPEWATCH_WEB__PORT"]


def test_a_list_that_is_no_json_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_MODEL__COMPANIES", "companies.csv")

    with pytest.raises(SettingsError, match=r"TAPEWATCH_MODEL__\.\.\.: a list must be a JSON"):
        load_settings()


def test_settings_in_any_case_and_what_only_tests_read_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("tapewatch_log_level", "error")
    monkeypatch.setenv("TAPEWATCH_TEST_KAFKA", "127.0.0.1:9092")

    assert load_settings().log_level == "error"


def test_the_demo_sets_nothing_but_settings(tmp_path: Path) -> None:
    broker = EmbeddedBroker("127.0.0.1:9092", cast("subprocess.Popen[bytes]", None))

    env = service_env(
        State(tmp_path),
        database_url="postgresql://a@b/c",
        broker=broker,
        partitions=1,
        with_companies=True,
    )

    assert env.keys() <= known_variables()
