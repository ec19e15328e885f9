"""The suites of the benchmarks are sound, and what is counted of them is right."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bias import NAMES, SENTENCES, lean, read_sentences, summary
from benchmarks.common import Row, about, read_rows
from benchmarks.perturbations import PERTURBATIONS, Perturbation
from benchmarks.robustness import SUITE, Tally, run_perturbations, run_suite
from models.labels import Analysis, Sentiment
from tests.evaluation import HEADS, ScriptedClassifier, sides

ITEMS = read_rows(SUITE)
SHARED = Path(__file__).parents[3] / "shared" / "data"
GOOD, BAD = Analysis(sides(0.1, 0.1, 0.8)), Analysis(sides(0.8, 0.1, 0.1))
REAL = {
    "en": '$HLDN - Halden Steel\'s "record" quarter lifts shares https://t.co/aB3xY',
    "zh": "海陵钢铁第3季度营收上升，视频软件业务好转。https://t.co/aB3xY",
}


def expected(item: Row) -> list[str]:
    return item.get("labels") or [entity["sentiment"] for entity in item["entities"]]


def test_ids_and_texts_of_the_suite_are_distinct() -> None:
    assert len({item["id"] for item in ITEMS}) == len(ITEMS)
    assert len({item["text"] for item in ITEMS}) == len(ITEMS)


def test_labels_and_spans_of_the_suite_are_right() -> None:
    for item in ITEMS:
        assert set(expected(item)) <= set(Sentiment), item["id"]
        assert len(item.get("labels", ())) < 3, item["id"]
        for entity in item.get("entities", ()):
            assert item["text"][entity["start"] : entity["end"]] == entity["text"]


def test_no_constant_answer_passes_a_pair() -> None:
    pairs: defaultdict[str, list[Row]] = defaultdict(list)
    for item in ITEMS:
        if "pair" in item:
            pairs[item["pair"]].append(item)
    for name, items in pairs.items():
        assert len(items) > 1, name
        if "entities" in items[0]:
            assert expected(items[0]) != expected(items[1]) or (
                items[0]["entities"][0]["text"] != items[1]["entities"][0]["text"]
            )
        else:
            assert not set.intersection(*(set(item["labels"]) for item in items)), name


def test_each_kind_and_language_has_twenty_items_or_more() -> None:
    counts = Counter((item["kind"], item["language"]) for item in ITEMS)

    assert min(counts.values()) >= 20
    assert len({kind for kind, _ in counts}) == 9


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets are not here")
def test_no_item_stands_in_a_data_set() -> None:
    texts = {item["text"] for item in ITEMS}
    for path in (SHARED / "sentiment").glob("*.jsonl"):
        with path.open(encoding="utf-8") as lines:
            assert texts.isdisjoint(json.loads(line)["text"] for line in lines)


def test_a_pair_counts_only_when_all_of_it_passes() -> None:
    tally = Tally()
    tally.count({"id": "a", "pair": "a"}, passed=True)
    tally.count({"id": "b", "pair": "a"}, passed=False)
    tally.count({"id": "c"}, passed=True)

    assert tally.result == {
        "items": 3, "passed": 2, "pairs": 1, "pairs_passed": 0, "failed": ["b"]
    }  # fmt: skip


def test_an_entity_item_passes_when_each_entity_does() -> None:
    items: list[Row] = [
        {
            "id": str(at), "kind": "entity contrast", "language": "en", "text": "Abc beats Def",
            "entities": [
                {"start": 0, "end": 3, "sentiment": "positive"},
                {"start": 10, "end": 13, "sentiment": second},
            ],
        }
        for at, second in enumerate(("negative", "positive"))
    ]  # fmt: skip
    model = ScriptedClassifier(towards={"Abc": GOOD.probabilities, "Def": BAD.probabilities})

    tallies = run_suite(model, items)

    assert tallies["entity contrast", "en"].failed == ["1"]


def test_entity_items_are_left_out_where_the_model_cannot_tell() -> None:
    model = ScriptedClassifier(heads={"sentiment": HEADS["sentiment"]})

    assert "entity contrast" not in {kind for kind, _ in run_suite(model, ITEMS)}


@pytest.mark.parametrize("kind", PERTURBATIONS, ids=lambda kind: kind.name)
def test_a_perturbation_changes_a_text_and_always_in_the_same_way(kind: Perturbation) -> None:
    for language in kind.languages:
        changed = kind.apply(REAL[language])

        assert changed != REAL[language]
        assert changed == kind.apply(REAL[language])


def test_numbers_survive_every_perturbation() -> None:
    for kind in PERTURBATIONS:
        plain = kind.apply("Profit rose 12.5% to $340 million").translate(
            {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
        )
        assert "12.5%" in plain
        assert "340" in plain


def test_changed_labels_are_counted_by_kind_and_together() -> None:
    rows: list[Row] = [{"text": "Profit rises", "label": "positive", "language": "en"}]
    model = ScriptedClassifier({"Profit rises": GOOD, "profit rises": BAD, "PROFIT RISES": GOOD})

    changed = run_perturbations(model, rows, "test")

    assert (changed["lower case"].labels, changed["lower case"].reversed) == (1, 1)
    assert changed["lower case"].right == 0
    assert changed["upper case"].labels == 0
    assert changed["links removed"].texts == 0
    assert changed["all"].texts == sum(c.texts for k, c in changed.items() if k != "all")


def test_the_sentences_on_bias_take_names_of_every_kind_in_both_languages() -> None:
    sentences, names = read_rows(SENTENCES), read_rows(NAMES)
    groups = Counter((s["kind"], s["language"], s["tone"]) for s in sentences)

    assert len(sentences) == 60
    assert min(groups.values()) >= 3
    assert len(groups) == 3 * 2 * 3
    assert Counter(name["kind"] for name in names) == {"company": 30, "country": 20, "person": 30}
    assert all(s["text"].count("{}") == 1 for s in sentences)


def test_the_spread_is_the_standard_deviation_over_the_names() -> None:
    sentences: list[Row] = [{"id": "x", "kind": "company", "language": "en", "text": "{} rose"}]
    names: list[Row] = [
        {"kind": "company", "group": "a", "en": "Abc"},
        {"kind": "company", "group": "b", "en": "Def"},
        {"kind": "person", "group": "c", "en": "Ann"},
    ]
    reads = read_sentences(
        ScriptedClassifier({"Abc rose": GOOD, "Def rose": BAD}), sentences, names
    )

    assert summary(reads)["spread_median"] == pytest.approx(np.std([0.7, -0.7]))
    assert summary(reads)["range_median"] == pytest.approx(1.4)
    assert lean(reads) == pytest.approx({("company", "a"): 0.7, ("company", "b"): -0.7})


def test_a_result_names_model_versions_and_machine() -> None:
    told = about(ScriptedClassifier())

    assert told["model"] == "script@1"
    assert {"torch", "python"} <= set(told["versions"])
    assert told["machine"]["cores"] >= 1
