"""What a training run did not learn from: held back, or beyond a file's share."""

import gzip
import json
from pathlib import Path

from typer.testing import CliRunner

from models.training.config import DataFile, read_config
from models.training.examples import split_examples
from models.training.holdout import split
from pipeline.cli.main import app

CONFIG = """
encoder = "x"
held_back = 0.1
seed = 3
[[data]]
file = "relevance/r.jsonl.gz"
task = "relevance"
share = 0.4
repeat = 2
[[data]]
file = "s.jsonl"
task = "sentiment"
"""


def prepare(folder: Path, titles: list[str]) -> Path:
    """A configuration and the data that it names; returns the configuration."""
    (folder / "relevance").mkdir()
    rows = [{"text": title, "category": "finance", "language": "zh"} for title in titles]
    with gzip.open(folder / "relevance/r.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    texts = [{"text": f"text {n}", "label": "neutral"} for n in range(20)]
    (folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts))
    config = folder / "c.toml"
    config.write_text(CONFIG)
    return config


def run(config: Path, *options: str) -> list[dict[str, object]]:
    command = ["held-back", str(config), "--data", str(config.parent)]
    result = CliRunner().invoke(app, [*command, "-o", str(config.parent / "out"), *options])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def texts_of(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_split_takes_every_row_once() -> None:
    parts = split(range(100), share=0.4, held_back=0.1, seed=3)

    assert [len(p) for p in (parts.trained, parts.held_back, parts.left_out)] == [30, 10, 60]
    assert sorted(parts.trained + parts.held_back + parts.left_out) == list(range(100))


def test_what_is_written_is_what_training_held_back(tmp_path: Path) -> None:
    config = prepare(tmp_path, [f"标题{n}" for n in range(50)])

    written = run(config)

    settings = read_config(config)
    _, held = split_examples(
        settings.data, tmp_path, held_back=settings.held_back, seed=settings.seed
    )
    relevance = texts_of(tmp_path / "out/relevance/r.jsonl")
    assert relevance + texts_of(tmp_path / "out/s.jsonl") == [example.text for example in held]
    assert [(one["task"], one["rows"]) for one in written] == [("relevance", 5), ("sentiment", 2)]


def test_rows_beyond_a_share_are_neither_learnt_from_nor_held_back(tmp_path: Path) -> None:
    config = prepare(tmp_path, [f"标题{n}" for n in range(50)])

    [written] = run(config, "--left-out")

    train, held = split_examples(
        [DataFile(file=Path("relevance/r.jsonl.gz"), task="relevance", share=0.4)],
        tmp_path,
        held_back=0.1,
        seed=3,
    )
    left = set(texts_of(tmp_path / "out/relevance/r.jsonl"))
    assert written["rows"] == len(left) == 30
    assert left.isdisjoint(example.text for example in train + held)


def test_a_text_that_was_also_learnt_from_is_not_written(tmp_path: Path) -> None:
    config = prepare(tmp_path, ["同一个标题！", "同一个标题"] * 25)

    assert [one["task"] for one in run(config)] == ["sentiment"]


def test_a_line_of_another_format_is_an_error_of_one_line(tmp_path: Path) -> None:
    config = prepare(tmp_path, ["a", "b", "c"])
    (tmp_path / "s.jsonl").write_text('{"text": "no label"}\n' * 20)
    command = ["held-back", str(config), "--data", str(tmp_path), "-o", str(tmp_path / "out")]

    result = CliRunner().invoke(app, command)

    assert result.exit_code == 2
    assert "not a line of task 'sentiment'" in result.stderr
