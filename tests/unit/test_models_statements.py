import re
from collections import Counter
from typing import Any

import pytest

from models.labels import EntityType, Sentiment
from models.training.statements import generate
from models.training.statements.general import generate_general
from models.training.statements.grammar import Grammar
from models.training.statements.written import read_written

_COUNT = 4000


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(generate(_COUNT, seed=7))


def test_the_same_seed_writes_the_same_statements(rows: list[dict[str, Any]]) -> None:
    assert list(generate(50, seed=7)) == rows[:50]
    assert list(generate(50, seed=8)) != rows[:50]


def test_no_statement_is_written_twice(rows: list[dict[str, Any]]) -> None:
    assert len(rows) == len({row["text"] for row in rows}) == _COUNT


def test_statements_differ_in_more_than_names_and_numbers(rows: list[dict[str, Any]]) -> None:
    bare = set()
    for row in rows:
        text = row["text"]
        for entity in reversed(row["entities"]):
            text = f"{text[: entity['start']]}@{text[entity['end'] :]}"
        bare.add(re.sub(r"[\d.,]+", "#", text))

    assert len(bare) > 0.85 * _COUNT


def test_every_span_is_exactly_the_name(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        end = 0
        for entity in row["entities"]:
            assert row["text"][entity["start"] : entity["end"]] == entity["text"] != ""
            assert entity["start"] >= end
            assert EntityType(entity["type"])
            end = entity["end"]


def test_no_sign_of_the_rules_is_left_in_a_text(rows: list[dict[str, Any]]) -> None:
    assert [
        row["text"] for row in rows if re.search(r"[<>{}\[\]|\ue000-\uf8ff]", row["text"])
    ] == []


def test_labels_and_languages_come_in_the_documented_shares(rows: list[dict[str, Any]]) -> None:
    labels = Counter(row["label"] for row in rows)

    assert 0.22 < sum(row["language"] == "zh" for row in rows) / _COUNT < 0.28
    assert 0.35 < labels["neutral"] / _COUNT < 0.42
    assert 0.26 < labels["positive"] / _COUNT < 0.32
    assert 0.26 < labels["negative"] / _COUNT < 0.32


def test_a_subject_shares_the_label_of_its_text(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        towards = {e["sentiment"] for e in row["entities"] if e["type"] == "company"}
        if row["label"] == Sentiment.NEUTRAL:
            assert towards <= {"neutral"}, row
        elif row["label"]:
            assert towards <= {row["label"], "neutral"}, row


def test_two_fates_in_one_text_leave_it_unlabelled(rows: list[dict[str, Any]]) -> None:
    opposed = [
        row
        for row in rows
        if {"positive", "negative"} <= {entity["sentiment"] for entity in row["entities"]}
    ]

    assert len(opposed) > _COUNT / 60
    assert {row["label"] for row in opposed} == {None}


def test_no_second_sentence_turns_the_fate_of_a_company(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        towards: dict[str, set[str]] = {}
        for entity in row["entities"]:
            if entity["type"] == EntityType.COMPANY:
                towards.setdefault(entity["text"], set()).add(entity["sentiment"])
        assert all(len(told) == 1 for told in towards.values()), row


def test_numbers_agree_with_the_direction(rows: list[dict[str, Any]]) -> None:
    pattern = re.compile(
        r"\b(rose|increased|grew|climbed|fell|decreased|declined|dropped) to \D{0,6}([\d,.]*\d)"
        r"[^\d.;]{0,14} from \D{0,6}([\d,.]*\d)"
    )
    found = 0
    for row in rows:
        for verb, *numbers in pattern.findall(row["text"]):
            to, before = (float(number.replace(",", "")) for number in numbers)
            found += 1
            assert (to > before) is (verb in {"rose", "increased", "grew", "climbed"}), row["text"]

    assert found > 20


def test_the_word_bank_does_not_tell_the_label(rows: list[dict[str, Any]]) -> None:
    banks = Counter(row["label"] for row in rows if re.search("Bank|银行", row["text"]))

    assert 0.75 < banks["positive"] / banks["negative"] < 1.33
    assert banks["neutral"] > banks["negative"]


def test_a_rule_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Grammar(["start:", "  <nowhere>"])


def test_a_bracket_that_is_left_open_is_an_error() -> None:
    with pytest.raises(ValueError, match="left open"):
        Grammar(["start:", "  [one|two"])


def test_general_headlines_are_distinct_and_sorted_into_two_categories() -> None:
    rows = list(generate_general(2000, seed=7))

    assert list(generate_general(50, seed=7)) == rows[:50]
    assert len({row["text"] for row in rows}) == 2000
    assert 0.3 < sum(row["category"] == "business" for row in rows) / 2000 < 0.4
    assert [row for row in rows if re.search(r"[<>{}\[\]|\ue000-\uf8ff]", row["text"])] == []


def test_what_was_written_out_is_distinct_and_of_one_kind() -> None:
    examples = list(read_written())

    assert len({example.text for example in examples}) == len(examples) > 5000
    assert [e.text for e in examples if e.text != e.text.strip() or not e.text] == []
    labelled = [example for example in examples if example.sentiment]
    chinese = list(read_written(["zh"]))
    assert 0 < len(chinese) < len(examples)
    assert all(re.search(r"[\u4e00-\u9fff]", e.text) for e in chinese)
    assert all(example.relevant for example in labelled)
    assert {len(example.sentiment) for example in labelled} == {1}
    assert 0.3 < sum(bool(example.relevant) for example in examples) / len(examples) < 0.7
