"""`tapewatch evaluate` with a tiny random model in a folder, through the real loading path."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel
from typer.testing import CliRunner, Result

from models.labels import Sentiment
from models.multihead import HeadKind, HeadSpec, MultiHeadModel
from models.names import TAGS
from models.taxonomy import TOPICS
from pipeline.cli.main import app
from tests.unit.test_models_classifier import CONFIG, save_tokenizer

SENTIMENT = HeadSpec("sentiment", HeadKind.SINGLE, tuple(Sentiment))
HEADS = (
    SENTIMENT,
    HeadSpec("topics", HeadKind.MULTI, TOPICS, threshold=0.99),
    HeadSpec("relevance", HeadKind.MULTI, ("relevant",)),
    HeadSpec("entities", HeadKind.TAGS, TAGS),
    HeadSpec("entity_sentiment", HeadKind.SPANS, tuple(Sentiment)),
)


def save(folder: Path, *heads: HeadSpec) -> Path:
    torch.manual_seed(0)
    encoder = AutoModel.from_config(CONFIG, add_pooling_layer=False)  # type: ignore[no-untyped-call]  # theirs
    MultiHeadModel(encoder, heads).save(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path / "tiny", *HEADS)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_the_figures_are_one_json_object_and_the_report_is_written(
    tmp_path: Path, model: Path
) -> None:
    path = write(
        tmp_path / "s.jsonl",
        {"text": "bank loss", "label": "negative"},
        {"text": "profit rises", "label": "positive"},
    )
    report = tmp_path / "report.html"

    result = run(path, "--task", "sentiment", "--model", model, "--report", report)

    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["file"], figures["task"], figures["n"]) == (str(path), "sentiment", 2)
    assert figures["model"].startswith("tiny@")
    assert 0 <= figures["ece"] <= 1
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("task", "row", "figure"),
    [
        ("topic", {"text": "bank profit", "labels": ["公司"]}, "micro_f1"),
        (
            "entity-sentiment",
            {
                "text": "bank falls",
                "entities": [{"start": 0, "end": 4, "sentiment": "negative"}],
            },
            "ece",
        ),
        (
            "entity-sentiment",
            {"text": "bank loss", "entities": ["bank"], "negative": 1, "key_entities": ["bank"]},
            "negative_f1",
        ),
        ("ner", {"tokens": ["the", "bank", "falls"], "tags": ["O", "B-ORG", "O"]}, "entity_f1"),
        (
            "ner",
            {"text": "bank falls", "entities": [{"value": "bank", "type": "公司"}]},
            "entity_f1",
        ),
        ("relevance", {"text": "bank rises", "category": "business"}, "relevant_f1"),
    ],
)
def test_every_format_is_measured_and_reported(
    tmp_path: Path, model: Path, task: str, row: dict[str, Any], figure: str
) -> None:
    path = write(tmp_path / "rows.jsonl", row)
    report = tmp_path / "report.html"

    result = run(path, "--task", task, "--model", model, "--report", report)

    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["n"] == 1
    assert 0 <= figures[figure] <= 1
    assert {"accuracy", "macro_f1", "weighted_f1", "per_class", "ece"} <= figures.keys()
    assert task in report.read_text(encoding="utf-8")


def test_topics_below_the_threshold_can_still_be_the_most_probable(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_MODEL__PATH", str(model))
    path = write(tmp_path / "t.jsonl", {"text": "profit rises", "label": "Earnings"})

    figures = json.loads(run(path, "--task", "topic").stdout)

    assert figures["model"].startswith("tiny@")
    assert figures["ece"] > 0


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("ner", "s.jsonl:1: no row of task ner: entities: Field required"),
        ("relevance", "s.jsonl:1: no row of task relevance: category: Field required"),
    ],
)
def test_a_file_of_another_task_is_refused_before_the_model_is_loaded(
    tmp_path: Path, task: str, said: str
) -> None:
    path = write(tmp_path / "s.jsonl", {"text": "bank", "label": "negative"})

    result = run(path, "--task", task, "--model", tmp_path / "nowhere")

    assert result.exit_code == 1
    assert said in result.stderr


def test_a_model_without_the_head_is_named(tmp_path: Path) -> None:
    model = save(tmp_path / "tiny", SENTIMENT)
    path = write(tmp_path / "n.jsonl", {"tokens": ["bank"], "tags": ["B-ORG"]})

    result = run(path, "--task", "ner", "--model", model)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: the model tiny@")
    assert result.stderr.rstrip().endswith("has no head for ner")


def test_an_absent_file_and_an_absent_folder_for_the_report_are_one_line(
    tmp_path: Path, model: Path
) -> None:
    path = write(tmp_path / "s.jsonl", {"text": "bank", "label": "negative"})
    report = tmp_path / "no" / "report.html"

    absent = run(tmp_path / "no.jsonl", "--task", "sentiment")
    unwritten = run(path, "--task", "sentiment", "--model", model, "--report", report)

    assert (absent.exit_code, unwritten.exit_code) == (1, 1)
    assert absent.stderr == f"error: there is no file {tmp_path / 'no.jsonl'}\n"
    assert "No such file or directory" in unwritten.stderr


def test_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_extras(name: str, *rest: Any, **named: Any) -> Any:
        if name == "models.evaluation.evaluate":
            raise ImportError(name="sklearn")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_extras)

    result = run(tmp_path / "s.jsonl", "--task", "sentiment")

    assert result.exit_code == 1
    assert "sklearn is not installed; the extra 'train' brings it: pip install -e" in result.stderr
