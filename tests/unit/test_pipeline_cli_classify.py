"""`tapewatch classify` with fakes of the models, and what the model's commands refuse."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from tests.fake_models import KeywordClassifier, OneCompanyFinder


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runtime.build_classifier", lambda _: KeywordClassifier())
    monkeypatch.setattr("pipeline.runtime.build_gazetteer", lambda _: OneCompanyFinder())


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["classify", *map(str, arguments)], input=stdin)


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_comes_back_with_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"id": 7, "text": "Northwind faces collapse"}\n\n{"text": "破产"}\n')

    first, second = told(run(path))

    assert first == {
        "id": 7,
        "text": "Northwind faces collapse",
        "sentiment": "negative",
        "probabilities": {"negative": 0.9, "neutral": 0.07, "positive": 0.03},
        "score": -0.87,
        "relevance": None,
        "topics": ["banking"],
        "entities": [
            {
                "id": "northwind",
                "name": "Northwind Bank",
                "sentiment": "negative",
                "probabilities": {"negative": 0.9, "neutral": 0.07, "positive": 0.03},
                "score": -0.87,
            }
        ],
    }
    assert (second["text"], second["sentiment"], second["entities"]) == ("破产", "negative", [])


def test_title_and_body_are_read_where_there_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(
        '{"title": "Northwind reports", "body": "Fraud was found"}\n{"title": "Calm", "body": ""}\n'
    )

    first, second = told(run(path))

    assert (first["sentiment"], first["entities"][0]["id"]) == ("negative", "northwind")
    assert (second["sentiment"], second["entities"]) == ("neutral", [])


def test_standard_input_is_read_where_no_file_is_named(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"

    [row] = told(run(stdin=b'{"text": "fraud"}\n'))
    written = run("-", "--output", output, stdin='{"text": "破产"}\n'.encode())

    assert row["sentiment"] == "negative"
    assert (written.exit_code, written.stdout) == (0, "")
    assert json.loads(output.read_text("utf-8"))["text"] == "破产"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{broken", "line 2 is not JSON: "),
        (b'{"text": "caf\xe9"}', "line 2 is not UTF-8: "),
        (b'{"text": "\\ud83d"}', "line 2 is not JSON: "),
        (b'["a"]', 'line 2 has neither "text" nor "title"'),
        (b'{"body": "a"}', 'line 2 has neither "text" nor "title"'),
    ],
    ids=["no JSON", "no UTF-8", "half a character", "no object", "no text"],
)
def test_a_line_that_cannot_be_read_is_named(line: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'{"text": "good"}\n' + line + b"\n")

    result = run(path)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {said}")
    assert isinstance(result.exception, SystemExit)


def test_files_that_cannot_be_opened_are_named_before_the_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("pipeline.runtime.build_classifier")
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "good"}\n')

    missing = run(tmp_path / "nowhere.jsonl", "--output", tmp_path / "out.jsonl")
    unwritable = run(texts, "--output", tmp_path / "nowhere" / "out.jsonl")
    itself = run(texts, "--output", texts)

    for result, path in (missing, "nowhere.jsonl"), (unwritable, "out.jsonl"), (itself, texts):
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert str(path) in result.stderr
        assert isinstance(result.exception, SystemExit)
    assert not (tmp_path / "out.jsonl").exists()
    assert texts.read_text() == '{"text": "good"}\n'


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_told() -> None:
    result = run("-", "--output", "/dev/full", stdin=b'{"text": "good"}\n')

    assert result.exit_code == 1
    assert "No space left" in result.stderr


def test_training_commands_name_a_file_that_is_not_there(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    out = str(tmp_path / "out")

    for arguments in (
        ["train", nowhere, "--data", nowhere, "--out", out],
        ["trim-encoder", nowhere, out, "--corpus", nowhere],
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1, arguments
        assert nowhere in result.stderr
        assert isinstance(result.exception, SystemExit)
