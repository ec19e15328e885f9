import json
from pathlib import Path

import numpy as np
import pytest

from models.labels import EntityType, Sentiment
from models.multihead import HeadKind
from models.names import TAGS
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS, TOPICS
from models.training.batches import GOES_ON
from models.training.calibration import fit_temperature
from models.training.config import DataFile, read_config
from models.training.examples import IGNORED, read_examples, split_examples

SHIPPED = sorted((Path(__file__).parents[2] / "models/training").glob("shipped-*.toml"))


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


def test_a_headline_with_divided_entities_teaches_no_sentiment_of_the_whole(
    tmp_path: Path,
) -> None:
    fall = {"start": 0, "end": 1, "sentiment": "negative"}
    rise = {"start": 9, "end": 10, "sentiment": "positive"}
    path = write(
        tmp_path / "e.jsonl",
        {"text": "A falls, B rises", "entities": [fall, rise]},
        {"text": "A falls", "entities": [fall]},
    )

    divided, agreed = read_examples(path, "entity-sentiment")

    assert divided.sentiment == frozenset()
    assert divided.towards == (
        ((0, 1), frozenset({Sentiment.NEGATIVE})),
        ((9, 10), frozenset({Sentiment.POSITIVE})),
    )
    assert agreed.sentiment == {Sentiment.NEGATIVE}


def test_of_a_negative_text_only_the_key_entities_are_negative(tmp_path: Path) -> None:
    row = {"text": "甲银行挤兑，乙公司", "negative": 1, "language": "zh"}
    path = write(
        tmp_path / "f.jsonl",
        row | {"entities": ["甲银行", "乙公司"], "key_entities": ["甲银行"]},
    )

    [example] = read_examples(path, "entity-sentiment")

    assert example.sentiment == {Sentiment.NEGATIVE}
    assert example.towards == (
        ((0, 3), frozenset({Sentiment.NEGATIVE})),
        ((6, 9), frozenset({Sentiment.NEUTRAL, Sentiment.POSITIVE})),
    )


def test_a_role_in_a_contract_says_nothing_about_names(tmp_path: Path) -> None:
    tokens = ["Acme", "is", "the", "Borrower", "of", "Mars"]
    tags = ["B-ORG", "O", "O", "B-PER", "O", "B-MISC"]
    path = write(tmp_path / "n.jsonl", {"tokens": tokens, "tags": tags, "language": "en"})

    [example] = read_examples(path, "ner")

    assert example.names is not None
    acme, borrower = example.names
    assert EntityType.COMPANY in acme.types
    assert EntityType.PERSON not in acme.types
    assert borrower.types == frozenset()


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


def test_what_is_held_back_repeats_no_text_that_is_learnt(tmp_path: Path) -> None:
    rows = [{"text": str(number % 50), "label": "neutral"} for number in range(100)]
    write(tmp_path / "s.jsonl", *rows)
    files = [DataFile(file=Path("s.jsonl"), task="sentiment")]

    learnt, held = split_examples(files, tmp_path, held_back=0.2, seed=1)

    assert held
    assert {example.text for example in learnt}.isdisjoint(example.text for example in held)


def test_an_overconfident_head_gets_a_temperature_above_one() -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, 3000)
    said = np.where(rng.random(3000) < 0.7, true, rng.integers(0, 3, 3000))
    logits = 8.0 * np.eye(3)[said]

    assert fit_temperature(logits, 1 << true, HeadKind.SINGLE) > 2.0


@pytest.mark.parametrize("wrong", ["type", "end"])
def test_the_temperature_of_tags_is_that_of_whole_names(wrong: str) -> None:
    # Names of two tokens, and the rest of a word, which is not read. Every token is sure of
    # itself; of a third of the names one token is wrong.
    outside, begin, inside = 0, TAGS.index("B-company"), TAGS.index("I-company")
    told = np.array([[outside, begin, outside, inside, outside]] * 300)
    right = told.copy()
    if wrong == "type":
        right[::3, 3] = TAGS.index("I-person")
    else:
        right[::3, 4] = inside
    bits = 1 << right
    bits[:, 2] |= GOES_ON

    fitted = fit_temperature(6.0 * np.eye(len(TAGS))[told], bits, HeadKind.TAGS)

    sure = np.exp(6.0 / fitted) / (np.exp(6.0 / fitted) + len(TAGS) - 1)
    assert sure == pytest.approx(2 / 3, abs=0.02)


def test_tags_that_name_nothing_have_the_temperature_that_they_had() -> None:
    logits = np.zeros((2, 3, len(TAGS)))
    assert fit_temperature(logits, np.zeros((2, 3), int), HeadKind.TAGS, otherwise=1.7) == 1.7


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_configurations_of_the_shipped_weights_are_valid_and_hold_the_same_rows_back(
    path: Path,
) -> None:
    first, config = read_config(SHIPPED[0]), read_config(path)

    assert config.data
    assert (config.seed, config.held_back) == (first.seed, first.held_back)


def test_an_unknown_field_of_a_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('encoder = "x"\ndata = []\nlearning_rat = 1\n')

    with pytest.raises(ValueError, match="learning_rat"):
        read_config(tmp_path / "c.toml")
