import json
from pathlib import Path

import numpy as np
import pytest

from models.multihead import HeadKind
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS, TOPICS
from models.training.config import DataFile, read_config
from models.training.examples import IGNORED, read_examples, split_examples
from models.training.train import fit_temperature

SHIPPED = Path(__file__).parents[2] / "models/training/shipped-1.toml"


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("mapping", [TFN_TOPICS, FINNL_TOPICS])
def test_a_data_sets_tags_map_one_to_one(mapping: dict[str, str]) -> None:
    assert len(set(mapping.values())) == len(mapping)
    assert set(mapping.values()) <= set(TOPICS)


def test_topics_that_a_data_set_does_not_know_are_left_out_of_the_loss(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", {"text": "Beats", "label": "Earnings"})

    [example] = read_examples(path, "topic")

    assert example.topics is not None
    targets = dict(zip(TOPICS, example.topics, strict=True))
    assert targets["earnings"] == 1.0
    assert targets["dividend"] == 0.0
    assert targets["pandemic"] == IGNORED


def test_a_headline_with_divided_entities_teaches_no_sentiment(tmp_path: Path) -> None:
    divided = [{"sentiment": "negative"}, {"sentiment": "positive"}]
    path = write(
        tmp_path / "e.jsonl",
        {"text": "A falls, B rises", "entities": divided},
        {"text": "A falls", "entities": divided[:1]},
    )

    assert [e.text for e in read_examples(path, "entity-sentiment")] == ["A falls"]


def test_a_line_of_another_format_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", {"text": "a", "label": "neutral"}, {"text": "b"})

    with pytest.raises(ValueError, match=r"s\.jsonl:2: not a line of task 'sentiment'"):
        read_examples(path, "sentiment")


def test_the_split_is_the_same_for_the_same_seed_and_disjoint(tmp_path: Path) -> None:
    rows = [{"text": str(i), "label": "neutral"} for i in range(100)]
    write(tmp_path / "s.jsonl", *rows)
    files = [DataFile(file=Path("s.jsonl"), task="sentiment")]

    first = split_examples(files, tmp_path, held_back=0.1, seed=1)

    assert first == split_examples(files, tmp_path, held_back=0.1, seed=1)
    assert {e.text for e in first[0]}.isdisjoint(e.text for e in first[1])
    assert len(first[1]) == 10


def test_an_overconfident_head_gets_a_temperature_above_one() -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, 3000)
    said = np.where(rng.random(3000) < 0.7, true, rng.integers(0, 3, 3000))
    logits = 8.0 * np.eye(3)[said]

    assert fit_temperature(logits, true, HeadKind.SINGLE) > 2.0


def test_the_configuration_of_the_shipped_weights_is_valid() -> None:
    assert read_config(SHIPPED).data


def test_an_unknown_field_of_a_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('encoder = "x"\ndata = []\nlearning_rat = 1\n')

    with pytest.raises(ValueError, match="learning_rat"):
        read_config(tmp_path / "c.toml")


def test_both_runs_of_the_shipped_weights_hold_the_same_rows_back() -> None:
    first, second = read_config(SHIPPED), read_config(SHIPPED.with_name("shipped-2.toml"))

    assert (first.seed, first.held_back) == (second.seed, second.held_back)
    assert [file.file for file in first.data] == [file.file for file in second.data]
