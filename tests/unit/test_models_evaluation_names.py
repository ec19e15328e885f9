"""Named entities against those of a file, by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.entity_types import CLUENER, COARSE, FAMILIES, NER_TYPES, WNUT, family_of
from models.evaluation.task import EvaluationError, Task
from models.labels import EntityType, Mention
from tests.evaluation import CALM, ScriptedClassifier, measure, per_class, sides, write


def mention(text: str, name: str, kind: EntityType, probability: float = 0.9) -> Mention:
    start = text.index(name)
    return Mention(start, start + len(name), kind, probability, sides(0, 1, 0))


def tagged(text: str, tags: str, language: str = "en") -> dict[str, object]:
    tokens = list(text) if language == "zh" else text.split()
    return {"tokens": tokens, "tags": tags.split(), "language": language}


def test_names_count_where_span_and_coarse_type_are_exact(tmp_path: Path) -> None:
    text = "Ms. Ada Byron of the Fed visits Acme Inc. in Rome"
    path = write(
        tmp_path / "n.jsonl",
        tagged(text, "O B-PER I-PER O O B-ORG O B-ORG I-ORG O B-LOC"),
        tagged("Sunny", "B-MISC"),
    )
    found = (
        mention(text, "Ada Byron", EntityType.PERSON, 0.9),
        mention(text, "Fed", EntityType.GOVERNMENT, 0.8),
        mention(text, "Acme", EntityType.COMPANY, 0.7),
    )
    model = ScriptedClassifier({text: replace(CALM, mentions=found)})

    result = measure(path, Task.NER, model)

    figures = result.figures
    assert (figures["n"], figures["entity_precision"]) == (2, round(2 / 3, 4))
    assert figures["entity_recall"] == 0.5
    assert figures["entity_f1"] == round(2 * 2 / (2 * 2 + 1 + 2), 4)
    assert set(figures["per_class"]) == {"PER", "ORG", "LOC"}
    assert per_class(figures, "ORG") == (0.5, 0.5, 0.5, 2)
    assert figures["accuracy"] == round(10 / 12, 4)
    assert figures["ece"] == round((0.1 + 0.2 + 0.7) / 3, 4)
    wrong = [(d.gold, d.predicted) for d in result.decisions if not d.right]
    assert wrong == [("–", "ORG"), ("ORG", "–"), ("LOC", "–")]


def test_a_name_that_covers_part_of_a_token_covers_the_token(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", tagged("Rome-based Acme", "B-LOC B-ORG"))
    found = (
        Mention(0, 4, EntityType.LOCATION, 0.9, CALM.probabilities),
        Mention(5, 10, EntityType.ORGANIZATION, 0.9, CALM.probabilities),
        Mention(11, 15, EntityType.ORGANIZATION, 0.9, CALM.probabilities),
    )
    model = ScriptedClassifier({"Rome-based Acme": replace(CALM, mentions=found)})

    assert measure(path, Task.NER, model).figures["entity_f1"] == 1.0


def test_chinese_characters_are_joined_without_a_space_and_fine_types_count(
    tmp_path: Path,
) -> None:
    text = "央行约谈甲银行"
    tags = "B-government I-government O O B-company I-company I-company"
    path = write(tmp_path / "n.jsonl", tagged(text, tags, "zh"))
    found = (
        mention(text, "央行", EntityType.ORGANIZATION),
        mention(text, "甲银行", EntityType.COMPANY),
    )
    model = ScriptedClassifier({text: replace(CALM, mentions=found)})

    figures = measure(path, Task.NER, model).figures

    assert figures["entity_f1"] == 0.5
    assert per_class(figures, "organization") == (0.0, 0.0, 0.0, 0)


def test_values_without_places_are_every_occurrence_longest_first(tmp_path: Path) -> None:
    text = "甲银行上海分行称甲银行在中国上海市"
    values = {"甲银行": "公司", "甲银行上海分行": "公司", "中国": "国家/地区", "上海市": "地址"}
    path = write(
        tmp_path / "n.jsonl",
        {"text": text, "entities": [{"value": v, "type": t} for v, t in values.items()]},
    )
    branch = mention(text, "甲银行上海分行", EntityType.COMPANY)
    bank = Mention(8, 11, EntityType.COMPANY, 0.9, CALM.probabilities)
    places = [mention(text, name, EntityType.LOCATION) for name in ("中国", "上海市")]
    model = ScriptedClassifier({text: replace(CALM, mentions=(branch, bank, *places))})

    figures = measure(path, Task.NER, model).figures

    assert figures["entity_f1"] == 1.0
    assert per_class(figures, "国家/地区 + 地址") == (1.0, 1.0, 1.0, 2)


def test_types_that_a_file_does_not_know_are_not_counted_against_the_model(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "n.jsonl", tagged("Fed Acme x", "O B-corporation B-product"))
    found = (
        mention("Fed Acme x", "Fed", EntityType.GOVERNMENT),
        mention("Fed Acme x", "Acme", EntityType.COMPANY),
    )
    model = ScriptedClassifier({"Fed Acme x": replace(CALM, mentions=found)})

    assert measure(path, Task.NER, model).figures["entity_f1"] == 1.0


def test_a_name_of_two_families_means_the_same_in_both() -> None:
    for family in FAMILIES:
        assert family.items() <= NER_TYPES.items()
    assert family_of({"PER", "MISC"}) is COARSE
    assert family_of({"person", "location"}) is WNUT
    assert family_of({"company", "book"}) is CLUENER
    assert family_of({"PER", "book"}) is None


def test_a_file_marks_names_of_one_family_and_some_of_ours(tmp_path: Path) -> None:
    types = write(tmp_path / "n.jsonl", tagged("a", "B-PER"), tagged("a", "B-movie"))
    nameless = write(tmp_path / "o.jsonl", tagged("a", "B-MISC"))

    with pytest.raises(EvaluationError, match=r"n\.jsonl: its entity types are those of more"):
        measure(types, Task.NER, ScriptedClassifier())
    with pytest.raises(EvaluationError, match=r"o\.jsonl: it marks no name of a type"):
        measure(nameless, Task.NER, ScriptedClassifier())
