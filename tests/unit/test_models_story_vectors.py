"""A model learns which texts tell one event, and tells nothing else differently for it."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from models.loading import load_classifier
from models.training.story_vectors import Told, add_story_head, fit_head, read_told
from pipeline.cli.main import app
from tests.tiny_models import save_model

TEXTS = ("northwind bank falls.", "profit rises", "股价暴跌", "the fraud of the bank")


def _stories(count: int) -> tuple[torch.Tensor, list[str]]:
    """Return noisy vectors around one random direction a story, three a story."""
    torch.manual_seed(3)
    directions = torch.randn(count, 16)
    noise = 0.7 * torch.randn(3 * count, 16)
    return directions.repeat_interleave(3, 0) + noise, [str(n // 3) for n in range(3 * count)]


def _near_before_far(places: torch.Tensor, stories: list[str]) -> float:
    """Return how often a text is nearest to one of its own story, in [0, 1]."""
    places = torch.nn.functional.normalize(places, dim=-1)
    likeness = (places @ places.T).fill_diagonal_(-2)
    nearest: list[int] = likeness.argmax(1).tolist()
    return sum(stories[n] == own for n, own in zip(nearest, stories, strict=True)) / len(stories)


def test_texts_of_a_story_come_nearer_than_they_were() -> None:
    vectors, stories = _stories(60)
    vectors = torch.cat([vectors, 6 * torch.randn(len(vectors), 4)], dim=1)  # loud, says nothing

    told = fit_head(vectors, stories)(vectors).detach()

    assert _near_before_far(vectors, stories) < 0.3
    assert _near_before_far(told, stories) > 0.9


def test_texts_without_a_pair_teach_nothing() -> None:
    with pytest.raises(ValueError, match="no two texts"):
        fit_head(torch.randn(3, 16), ["a", "b", "c"])


def test_all_else_stays_and_the_vector_has_length_one(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    before = load_classifier(str(folder), device="cpu", int8=False).classify(TEXTS)

    for _ in range(2):  # the second takes the first one's place
        add_story_head(folder, [Told(text, str(n // 2)) for n, text in enumerate(TEXTS)])
    after = load_classifier(str(folder), device="cpu", int8=False).classify(TEXTS)

    assert [one.story_vector for one in before] == [()] * len(TEXTS)
    for old, new in zip(before, after, strict=True):
        assert new.probabilities == pytest.approx(old.probabilities, abs=1e-3)
        assert sum(x**2 for x in new.story_vector) == pytest.approx(1.0)


def test_a_long_text_has_one_vector(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    add_story_head(folder, [Told(text, str(n // 2)) for n, text in enumerate(TEXTS)])

    [told] = load_classifier(str(folder), device="cpu", int8=False).classify(["bank falls. " * 400])

    assert sum(x**2 for x in told.story_vector) == pytest.approx(1.0)


def test_a_line_without_a_story_is_named(tmp_path: Path) -> None:
    path = tmp_path / "headlines.jsonl"
    path.write_text('{"title": "a", "story": "1"}\n{"title": "b"}\n', encoding="utf-8")

    assert read_told(path, limit=1) == [Told("a", "1")]
    with pytest.raises(ValueError, match=r"headlines\.jsonl:2"):
        read_told(path, limit=2)


def test_the_command_adds_the_head_and_stories_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_model(tmp_path / "model")
    headlines = tmp_path / "headlines.jsonl"
    rows = [{"title": text, "story": str(n // 2)} for n, text in enumerate(TEXTS)]
    headlines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    taught = CliRunner().invoke(app, ["train-stories", str(folder), str(headlines)])
    monkeypatch.setenv("TAPEWATCH_MODEL__PATH", str(folder))
    stream, out = tmp_path / "news.jsonl", tmp_path / "placed.jsonl"
    items = [
        {"title": title, "source": "Wire", "published_at": f"2024-05-01T12:0{n}:00Z"}
        for n, title in enumerate((TEXTS[0], TEXTS[1], TEXTS[0] + "!"))
    ]
    lines = [*(json.dumps(item) for item in items), "no item"]
    stream.write_text("\n".join(lines) + "\n", encoding="utf-8")

    told = CliRunner().invoke(app, ["stories", str(stream), "-o", str(out)])

    placed = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert taught.exit_code == 0, taught.output
    assert told.exit_code == 1
    assert "1 of 4 lines" in told.output
    assert [(one["row"], one["story"], one["copy_of"]) for one in placed] == [
        (0, 0, None),
        (1, 1, None),
        (2, 0, 0),
    ]
