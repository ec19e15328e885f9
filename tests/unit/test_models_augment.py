"""Random changes that keep the meaning."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.normalise import normalise
from models.training.augment import augment

ENGLISH = (
    "$HLDN - Halden Steel cuts debt by 30%, not its dividend; CEO says “orders up” https://t.co/aB3"
)
CHINESE = "公司第三季度净利润下降12.5%，股价跌停。"


def variants(text: str, count: int = 400) -> list[str]:
    rng = random.Random(7)  # noqa: S311 - no secret
    return [augment(text, rng) for _ in range(count)]


@settings(deadline=None)  # the first conversion to traditional characters reads dictionaries
@given(st.text(), st.integers())
def test_equal_seeds_give_equal_texts_whatever_the_text(text: str, seed: int) -> None:
    first, second = (augment(text, random.Random(seed)) for _ in range(2))  # noqa: S311

    assert first == second


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_nearly_every_call_changes_the_text_and_in_many_ways(text: str) -> None:
    made = variants(text)

    assert sum(one == text for one in made) < 4
    assert len(set(made)) > 60


def test_numbers_tickers_and_short_words_are_never_misspelt() -> None:
    for made in variants(ENGLISH):
        plain = re.sub(r"\s+", " ", normalise(made)).lower()
        for kept in ("hldn", "30%", "not its", "debt by", "ceo", "up"):
            assert kept in plain


def test_few_words_are_misspelt_and_no_link() -> None:
    words = ("Halden", "Steel", "prepares", "stronger", "guidance")
    link = "https://example.com/stronger-guidance"
    for made in map(normalise, variants(" ".join([*words, link]))):
        assert link in made or "://" not in made
        assert sum(word.lower() not in made.lower() for word in words) <= 2  # two changes


def test_chinese_characters_only_change_their_form() -> None:
    for made in map(normalise, variants(CHINESE)):
        han = "".join(re.findall(r"[\u4e00-\u9fff]", made.split("#")[0]))
        assert han == "公司第三季度净利润下降股价跌停"
