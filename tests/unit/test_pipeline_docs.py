import re
from pathlib import Path

import pytest

from pipeline.messages import Reason
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


def test_each_reason_of_a_dead_letter_is_documented() -> None:
    assert {reason for reason in Reason if f"`{reason}`" not in BAD_INPUT} == set()


def test_each_topic_is_documented() -> None:
    text = (ROOT / "docs" / "topics.md").read_text("utf-8")

    assert {
        spec.name for spec in topic_specs(KafkaSettings()) if f"`{spec.name}`" not in text
    } == set()
