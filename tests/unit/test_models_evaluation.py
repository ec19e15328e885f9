"""Figures that were computed by hand, from a classifier that says what it is told to say."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from models.evaluation.evaluate import evaluate
from models.evaluation.metrics import Decision, calibration_error
from models.evaluation.rows import read_rows
from models.evaluation.task import EvaluationError, Task
from models.labels import Analysis, TopicScore
from models.loading import load_classifier
from tests.evaluation import CALM, ScriptedClassifier, measure, per_class, sides, write

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_sentiment_is_judged_by_the_most_probable_label(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        {"text": "a", "label": "negative"},
        {"text": "b", "label": "negative"},
        {"text": "c", "label": "neutral"},
        {"text": "d", "label": "positive"},
    )
    model = ScriptedClassifier({"a": Analysis(sides(0.7, 0.2, 0.1))})  # the others: neutral, 0.8

    figures = measure(path, Task.SENTIMENT, model).figures

    assert list(figures)[:4] == ["file", "task", "model", "n"]
    assert (figures["file"], figures["task"]) == (str(path), "sentiment")
    assert (figures["model"], figures["n"], figures["accuracy"]) == ("script@1", 4, 0.5)
    assert per_class(figures, "negative") == (1.0, 0.5, 0.6667, 2)
    assert per_class(figures, "neutral") == (0.3333, 1.0, 0.5, 1)
    assert per_class(figures, "positive") == (0.0, 0.0, 0.0, 1)
    assert figures["macro_f1"] == round((2 / 3 + 1 / 2 + 0) / 3, 4)
    assert figures["weighted_f1"] == round((2 * 2 / 3 + 1 / 2 + 0) / 4, 4)
    # One bin holds 0.7, right; another three times 0.8, right once.
    assert figures["ece"] == round((1 * 0.3 + 3 * (0.8 - 1 / 3)) / 4, 4)


def test_calibration_is_perfect_where_confidence_is_the_share_that_is_right() -> None:
    decisions = [Decision("", "a", "a" if right else "b", 0.75) for right in (1, 1, 1, 0)]

    assert calibration_error(decisions) == pytest.approx(0.0)
    assert calibration_error([]) is None


def test_one_topic_is_the_most_probable_of_those_that_the_data_set_knows(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.jsonl",
        {"text": "a", "label": "Earnings"},
        {"text": "b", "label": "Dividend"},
    )
    told = (TopicScore("china", 0.9), TopicScore("earnings", 0.3), TopicScore("dividend", 0.1))
    model = ScriptedClassifier({"a": replace(CALM, topics=told), "b": replace(CALM, topics=told)})

    result = measure(path, Task.TOPIC, model)

    assert [decision.predicted for decision in result.decisions] == ["Earnings", "Earnings"]
    assert [decision.confidence for decision in result.decisions] == pytest.approx([0.75, 0.75])
    assert (result.figures["accuracy"], result.figures["ece"]) == (0.5, 0.25)


def test_several_topics_are_those_above_the_models_threshold(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.jsonl",
        {"text": "a", "labels": ["公司", "中国"]},
        {"text": "b", "labels": ["外汇"]},
        {"text": "c", "labels": []},
    )
    told = {
        "a": (TopicScore("company", 0.9), TopicScore("earnings", 0.8), TopicScore("china", 0.39)),
        "b": (TopicScore("currencies", 0.4), TopicScore("company", 0.41)),
    }
    model = ScriptedClassifier({k: replace(CALM, topics=v) for k, v in told.items()})

    figures = measure(path, Task.TOPIC, model).figures

    # Told: company (right), currencies (right), company (wrong); china is missed.
    assert figures["micro_f1"] == round(2 * 2 / (2 * 2 + 1 + 1), 4)
    assert figures["accuracy"] == round(1 / 3, 4)
    assert per_class(figures, "公司") == (0.5, 1.0, 0.6667, 1)
    # 0.9, right, in one bin; 0.4 and 0.41, one right, on both sides of the edge of another.
    assert figures["ece"] == round((0.1 + 0.6 + 0.41) / 3, 4)


def test_sentiment_towards_entities_counts_entities(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.jsonl",
        {
            "text": "Acme beats Bolt",
            "entities": [
                {"start": 0, "end": 4, "sentiment": "positive"},
                {"start": 11, "end": 15, "sentiment": "negative"},
            ],
        },
        {"text": "Nothing", "entities": []},
    )
    towards = {"Acme": sides(0.1, 0.1, 0.8), "Bolt": sides(0.2, 0.7, 0.1)}

    result = measure(path, Task.ENTITY_SENTIMENT, ScriptedClassifier(towards=towards))

    assert (result.figures["texts"], result.figures["n"]) == (2, 2)
    assert result.figures["accuracy"] == 0.5
    assert result.decisions[1].span == (11, 15)


def test_key_entities_are_those_that_a_negative_text_is_negative_about(tmp_path: Path) -> None:
    path = write(
        tmp_path / "k.jsonl",
        {
            "text": "甲银行爆雷，甲银行和乙公司",
            "entities": ["甲银行", "乙公司", "甲"],
            "negative": 1,
            "key_entities": ["甲银行"],
        },
        {"text": "丙稳健", "entities": ["丙"], "negative": 0, "key_entities": []},
        {"text": "丁违约", "entities": ["丁"], "negative": 1, "key_entities": ["丁"]},
        {"text": "违约了", "entities": ["戊"], "negative": 1, "key_entities": ["戊"]},
    )
    bad = Analysis(sides(0.9, 0.05, 0.05))
    model = ScriptedClassifier(
        {"甲银行爆雷，甲银行和乙公司": bad, "违约了": bad, "丙稳健": CALM, "丁违约": CALM},
        {
            "甲银行": sides(0.9, 0.1, 0),
            "乙公司": sides(0.6, 0.4, 0),
            "丙": sides(0.9, 0.1, 0),
            "丁": sides(0.9, 0.1, 0),
        },
    )

    figures = measure(path, Task.ENTITY_SENTIMENT, model).figures

    assert (figures["n"], figures["accuracy"]) == (4, 0.75)
    assert figures["negative_f1"] == 0.8  # two found, one missed
    # 甲银行 found, 乙公司 wrongly; 丁 and 戊 missed: a calm text, a name that its text lacks.
    assert figures["entity_f1"] == round(2 * 1 / (2 * 1 + 1 + 2), 4)


def test_relevance_is_business_against_the_rest(tmp_path: Path) -> None:
    categories = {"a": "business", "b": "news_stock", "c": "sport", "d": "tech"}
    path = write(tmp_path / "r.jsonl", *({"text": t, "category": c} for t, c in categories.items()))
    told = {"a": 0.9, "b": 0.2, "c": 0.1, "d": 0.6}
    model = ScriptedClassifier({k: replace(CALM, relevance=v) for k, v in told.items()})

    figures = measure(path, Task.RELEVANCE, model).figures

    assert (figures["accuracy"], figures["relevant_f1"]) == (0.5, 0.5)
    assert per_class(figures, "relevant") == (0.5, 0.5, 0.5, 2)


@pytest.mark.parametrize("task", list(Task))
def test_a_model_without_the_head_is_told_apart_from_a_bad_one(tmp_path: Path, task: Task) -> None:
    path = write(tmp_path / "s.jsonl", {"text": "a", "label": "neutral"})
    rows = read_rows(path, Task.SENTIMENT)
    model = ScriptedClassifier(heads={})

    with pytest.raises(EvaluationError, match=f"script@1 has no head for {task}"):
        evaluate(path, rows, task, model)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public test files (../shared/data) are absent")
@pytest.mark.parametrize(
    ("name", "task", "least"),
    [("sentiment/tfns", Task.SENTIMENT, 0.8), ("topic/tfn", Task.TOPIC, 0.7)],
)
def test_the_shipped_model_is_good_on_some_rows(
    tmp_path: Path, name: str, task: Task, least: float
) -> None:
    part = tmp_path / "part.jsonl"
    with (SHARED / f"{name}.test.jsonl").open(encoding="utf-8") as lines:
        # The rows are in the order of their labels.
        part.write_text("".join(islice(lines, 0, None, 30)), encoding="utf-8")
    model = load_classifier("shipped", device="cpu", topic_threshold=0.0)

    result = measure(part, task, model)

    assert result.figures["n"] >= 50
    assert result.figures["accuracy"] >= least
    assert all(0 < d.confidence <= 1 for d in result.decisions if d.confidence is not None)
