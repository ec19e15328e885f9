"""Sums of word vectors, and the largest of many numbers, against the plain way of doing it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.accounts.largest import largest
from alerts.accounts.word_sums import WordSums

WORDS = ("bank", "fraud", "股价", "loss", "42", "northwind")
VECTORS = st.dictionaries(st.sampled_from(WORDS), st.floats(0.01, 1), max_size=4)


@given(st.lists(st.integers(0, 9), max_size=700), st.integers(1, 8))
def test_the_largest_are_those_that_sorting_finds_and_of_equal_ones_the_first(
    values: list[int], most: int
) -> None:
    expected = sorted(range(len(values)), key=lambda place: (-values[place], place))[:most]

    assert largest(np.array(values, float), most).tolist() == expected


def test_the_largest_of_tens_of_thousands_are_found() -> None:
    values = np.random.default_rng(1).random(40_000).astype(np.float32)

    assert largest(values, 6).tolist() == np.argsort(-values, kind="stable")[:6].tolist()


@given(
    st.lists(st.tuples(st.integers(0, 5), VECTORS), max_size=30),
    st.sets(st.integers(0, 5)),
    VECTORS,
)
def test_cosines_are_those_of_the_sums(
    added: list[tuple[int, dict[str, float]]], removed: set[int], asked: dict[str, float]
) -> None:
    sums, plain = WordSums(), dict[int, dict[str, float]]()
    for key, vector in added:
        sums.add(key, vector)
        own = plain.setdefault(key, {})
        for word, weight in vector.items():
            own[word] = own.get(word, 0.0) + weight
    for key in removed & plain.keys():
        sums.remove(key, plain.pop(key))

    cosines = sums.cosines(asked)

    for key, own in plain.items():
        dot = sum(weight * own.get(word, 0.0) for word, weight in asked.items())
        length = math.sqrt(sum(weight**2 for weight in own.values()))
        assert sums.of(cosines, key) == pytest.approx(dot / length if dot else 0.0, abs=1e-6)
    known = {key for key, own in plain.items() if own.keys() & asked.keys()}
    assert set(sums.nearest(cosines, 6)) == known


def test_the_nearest_come_in_order_and_no_more_than_asked_for() -> None:
    sums = WordSums()
    for key in np.random.default_rng(0).permutation(500).tolist():
        sums.add(key, {"bank": 1.0, "rest": key / 100})

    assert sums.nearest(sums.cosines({"bank": 1.0}), 4) == [0, 1, 2, 3]


def test_a_word_that_is_left_no_longer_counts() -> None:
    sums = WordSums()
    sums.add(7, {"bank": 3.0, "fraud": 4.0})

    sums.leave(7, ["fraud"])

    assert sums.of(sums.cosines({"fraud": 1.0}), 7) == 0.0
    assert sums.of(sums.cosines({"bank": 1.0}), 7) == pytest.approx(1.0)
    assert sums.weight(7, "bank") == 3.0


def test_a_key_after_one_that_was_removed_begins_with_nothing() -> None:
    sums = WordSums()
    sums.add(1, {"bank": 1.0})
    sums.remove(1, ["bank"])

    sums.add(2, {"fraud": 1.0})

    cosines = sums.cosines({"bank": 0.6, "fraud": 0.8})
    assert sums.of(cosines, 2) == pytest.approx(0.8)
    assert sums.nearest(cosines, 6) == [2]
