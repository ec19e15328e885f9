"""What teachers say of texts: how it is written, read, and learnt beside what a file tells."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer
from typer.testing import CliRunner

from models.labels import Sentiment
from models.loading import load_classifier
from models.multihead import load_multihead
from models.training import train
from models.training.batches import Collator, Rows
from models.training.examples import Example, Taught
from models.training.objective import TrainableModel
from models.training.teachers import HEADS, read_taught, taught_rows, with_taught
from pipeline.cli.main import app
from tests.tiny_models import save_model

TEXTS = ("northwind bank falls", "profit rises")
SAID = Taught((0.1, 0.2, 0.7), 0.9)


def test_teachers_speak_as_one(tmp_path: Path) -> None:
    teachers = [
        load_classifier(str(save_model(tmp_path / str(seed), seed=seed)), device="cpu", int8=False)
        for seed in (1, 2)
    ]

    rows = list(taught_rows(TEXTS, teachers, HEADS))

    each = [teacher.classify(TEXTS) for teacher in teachers]
    for row, one, other in zip(rows, *each, strict=True):
        mean = [(one.probabilities[s] + other.probabilities[s]) / 2 for s in Sentiment]
        assert row["sentiment"] == pytest.approx(mean, abs=1e-4)
        assert one.relevance is not None
        assert other.relevance is not None
        assert row["relevance"] == pytest.approx((one.relevance + other.relevance) / 2, abs=1e-4)


def test_the_command_labels_what_a_run_learns_from(tmp_path: Path) -> None:
    rows = [{"text": f"profit rises by {n}", "label": "positive"} for n in range(50)]
    rows += [{"text": "股价暴跌", "label": "negative"}] * 50
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = tmp_path / "run.toml"
    config.write_text(
        'encoder = "any"\nheld_back = 0.1\n[[data]]\nfile = "rows.jsonl"\ntask = "sentiment"\n'
    )
    out = tmp_path / "new" / "taught.jsonl"
    command = ["label-taught", str(config), "--data", str(tmp_path), "-o", str(out)]
    command += ["--teacher", str(save_model(tmp_path / "model"))]

    told = CliRunner().invoke(app, command)

    assert told.exit_code == 0, told.output
    taught = read_taught(out)
    assert 40 <= len(taught) < 50  # without what is held back
    assert all(text.startswith("profit") for text in taught)
    assert all(said.relevance is not None for said in taught.values())

    told = CliRunner().invoke(app, [*command, "--language", "zh", "--head", "sentiment"])
    assert told.exit_code == 0, told.output
    taught = read_taught(out)
    assert list(taught) == ["股价暴跌"]
    assert taught["股价暴跌"].relevance is None
    assert CliRunner().invoke(app, [*command, "--head", "names"]).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--language", "fr"]).exit_code == 2


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "no json",
        '{"sentiment": [0.2, 0.3, 0.5]}',
        '{"text": "a", "sentiment": [0.5, 0.5]}',
        '{"text": "a", "relevance": 2}',
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "taught.jsonl"
    path.write_text('{"text": "b", "sentiment": [0.2, 0.3, 0.5]}\n' + line + "\n")

    with pytest.raises(ValueError, match=r"taught\.jsonl:2"):
        read_taught(path)


def test_what_a_file_and_teachers_tell_counts_alike(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", train.HEADS)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load_multihead(folder).eval()
    objective = TrainableModel(model)
    file = Example(TEXTS[1], frozenset({Sentiment.POSITIVE}), relevant=True)
    both, teachers = with_taught([file, Example(TEXTS[1])], {TEXTS[1]: SAID})

    def loss(example: Example) -> float:
        batch = Collator(tokenizer)([Rows([example], tokenizer, max_tokens=16)[0]])
        with torch.no_grad():
            return float(objective(**batch)["loss"])

    assert loss(both) == pytest.approx((loss(file) + loss(teachers)) / 2, rel=1e-5)
    one = Collator(tokenizer)([Rows([teachers], tokenizer, max_tokens=16)[0]])
    with torch.no_grad():
        logits = model(one["input_ids"], one["attention_mask"])
    sentiment = -float(torch.tensor(SAID.sentiment) @ logits["sentiment"][0].log_softmax(-1))
    chance = float(logits["relevance"][0, 0].sigmoid())
    relevance = -float(torch.tensor(chance).log() * 0.9 + torch.tensor(1 - chance).log() * 0.1)
    assert loss(teachers) == pytest.approx(sentiment + 0.7 * relevance, rel=1e-3)


def test_who_says_nothing_costs_nothing(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", train.HEADS)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load_multihead(folder).eval()
    batch = Collator(tokenizer)([Rows([Example(TEXTS[0])], tokenizer, max_tokens=16)[0]])

    with torch.no_grad():
        assert float(TrainableModel(model)(**batch)["loss"]) == 0.0
