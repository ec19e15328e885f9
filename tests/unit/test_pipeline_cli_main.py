"""The command line: its help, and errors that are no bugs."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from models.entities.table import CompaniesError
from pipeline.cli import main as cli
from pipeline.cli.fail import explain

COMMANDS = {
    *("demo", "classify", "migrate", "ingest", "worker", "scheduler", "web", "new-key"),
    *("trends", "subscribe", "subscriptions", "listen", "replay", "train", "evaluate"),
}
NO_DATABASE = {"TAPEWATCH_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/none"}


def run(
    *arguments: str, monkeypatch: pytest.MonkeyPatch, env: dict[str, str] | None = None
) -> int | str | None:
    for name, value in (env or {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["tapewatch", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_the_help_lists_every_command() -> None:
    text = CliRunner().invoke(cli.app, ["--help"]).output

    assert {name for name in COMMANDS if f" {name} " in text} == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_option_has_a_help_without_internals(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "Raises:" not in result.output
    assert "Args:" not in result.output


def test_the_help_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys, pipeline.cli.main; "
        "slow = {'torch', 'transformers', 'faust', 'kafka', 'sqlalchemy', 'pandas', 'fastapi'}; "
        "sys.exit(repr(slow & set(sys.modules)) if slow & set(sys.modules) else 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


@pytest.mark.parametrize(
    "arguments",
    [
        ("trends",),
        ("migrate",),
        ("subscriptions", "list"),
        ("subscriptions", "remove", "00000000-0000-0000-0000-000000000007"),
    ],
    ids=" ".join,
)
def test_an_absent_database_is_one_line_that_says_what_to_do(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch, env=NO_DATABASE) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the database cannot be used: ")
    assert "TAPEWATCH_DATABASE__URL" in line


@pytest.mark.parametrize(
    ("arguments", "env", "named"),
    [
        (("web",), {}, "TAPEWATCH_WEB__API_KEY"),
        (("web",), {"TAPEWATCH_WEB__PORT": "99999"}, "TAPEWATCH_WEB__PORT"),
        (("web",), {"TAPEWATCH_WEB__API_KEY": "change-me"}, "TAPEWATCH_WEB__API_KEY"),
        (("migrate",), {"TAPEWATCH_DATABASE__URL": "mysql://a/b"}, "TAPEWATCH_DATABASE__URL"),
        (("scheduler",), {}, "TAPEWATCH_SECRET_KEY"),
        (("subscribe", "https://example.com/"), {}, "TAPEWATCH_SECRET_KEY"),
        (("trends", "--window", "soon"), {}, "'soon' is no length of time"),
        (("trends", "--entity", "a", "--topic", "b"), {}, "--entity or --topic"),
        (("trends", "--output", "a.xlsx"), {}, "--format"),
        (("listen",), {}, "--secret or --secret-file"),
    ],
    ids=str,
)
def test_wrong_use_is_told_with_status_2(
    arguments: tuple[str, ...],
    env: dict[str, str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch, env=env) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert named in said
    assert "change-me" not in said


def test_a_wrong_file_of_companies_is_told_with_status_2() -> None:
    assert explain(CompaniesError("own.csv: needs")) == ("own.csv: needs", 2)


def test_a_bug_is_not_explained_away() -> None:
    assert explain(RuntimeError("a bug")) is None


def test_new_key_prints_a_key_that_the_settings_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("new-key", monkeypatch=monkeypatch) == 0
    key = capsys.readouterr().out.strip()

    said = run(
        "subscribe",
        "nonsense",
        monkeypatch=monkeypatch,
        env=NO_DATABASE | {"TAPEWATCH_SECRET_KEY": key},
    )

    assert said == 1  # the key is fine, the database is not there
