import re
from pathlib import Path

import pytest

from pipeline.backtest.truth import read_truth
from pipeline.companies import find_companies
from pipeline.messages import Reason
from pipeline.rules import load_rules
from pipeline.settings import KafkaSettings
from pipeline.topics import topic_specs

ROOT = Path(__file__).parents[2]
BAD_INPUT = (ROOT / "docs" / "bad-input.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["bad-input.md", "threat-model.md"])
def test_each_outcome_names_tests_that_exist(page: str) -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text("utf-8")))

    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def examples(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("example", examples("rules.md", "toml"))
def test_each_example_of_rules_can_be_used(example: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(example, encoding="utf-8")

    assert load_rules(path).rules


def test_the_example_of_crises_names_companies_that_are_known(tmp_path: Path) -> None:
    [example] = examples("backtest.md", "csv")
    path = tmp_path / "truth.csv"
    path.write_text(example, encoding="utf-8")

    for crisis in read_truth(path):
        assert [key for key, _ in find_companies(crisis.entity)] == [crisis.entity]


def test_each_reason_of_a_dead_letter_is_documented() -> None:
    assert {reason for reason in Reason if f"`{reason}`" not in BAD_INPUT} == set()


def test_each_topic_is_documented() -> None:
    text = (ROOT / "docs" / "topics.md").read_text("utf-8")

    assert {
        spec.name for spec in topic_specs(KafkaSettings()) if f"`{spec.name}`" not in text
    } == set()
