"""The threshold that keeps an alert budget."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.budget import DEFAULT, HISTORY_DAYS, LEAST, Ranks, threshold

TODAY = date(2024, 3, 15)
START = TODAY - timedelta(days=60)


def days(*ranks: float, series: int = 1) -> dict[date, Mapping[int, float]]:
    """Return each of the last days with these ranks, every one of another series."""
    return {
        TODAY - timedelta(days=ago): {
            1000 * ago + 10 * number + copy: rank
            for number, rank in enumerate(ranks)
            for copy in range(series)
        }
        for ago in range(1, HISTORY_DAYS + 1)
    }


def at(ranks: Ranks[Any], per_day: float, since: date = START) -> float:
    return threshold(ranks, before=TODAY, since=since, per_day=per_day)


def test_without_a_past_the_rule_decides() -> None:
    assert at({}, 1.0, since=TODAY) == DEFAULT


def test_quiet_weeks_lower_it_and_loud_ones_raise_it() -> None:
    assert at({}, 1.0) < DEFAULT
    assert at(days(1.9, 1.8, 1.7, 1.6), 1.0) > DEFAULT


def test_a_larger_budget_lowers_it() -> None:
    ranks = days(0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)

    asked = [at(ranks, per_day) for per_day in (0.1, 1.0, 2.0, 4.0)]

    assert asked == sorted(asked, reverse=True)
    assert len(set(asked)) == 4


def test_so_many_of_the_past_would_have_fired() -> None:
    ranks = days(0.9, 1.1, 1.3, 1.5)

    # Two a day would, if the default had no say: the mean of 21 days of 1.3 and 5 of 1.
    assert at(ranks, 2.0) == pytest.approx((21 * 1.3 + 5 * DEFAULT) / 26)


def test_one_day_of_a_market_wide_crisis_moves_it_little() -> None:
    usual = {
        day: {f"{day} {number}": 0.5 + 0.02 * ago + 0.2 * number for number in range(4)}
        for ago, day in enumerate(days(1.0))
    }
    crisis = {**usual, TODAY - timedelta(days=3): {str(number): 1.9 for number in range(500)}}

    assert at(usual, 1.0) < 1.2
    assert at(crisis, 1.0) - at(usual, 1.0) < 0.1


def test_an_episode_of_several_days_is_one() -> None:
    long = {TODAY - timedelta(days=ago): {"same": 1.9} for ago in range(1, HISTORY_DAYS + 1)}

    assert at(long, 0.1) == at({}, 0.1)


def test_nothing_of_today_or_later_counts() -> None:
    ahead = {TODAY + timedelta(days=number): {number: 1.9} for number in range(9)}

    assert at(ahead, 0.01) == at({}, 0.01)


@given(
    ranks=st.dictionaries(
        st.integers(1, 30).map(lambda ago: TODAY - timedelta(days=ago)),
        st.dictionaries(st.integers(0, 9), st.floats(LEAST, 9)),
    ),
    per_day=st.floats(0.01, 100),
    watched=st.integers(0, 40),
)
def test_it_stays_within_half_and_twice_the_rule(
    ranks: dict[date, dict[int, float]], per_day: float, watched: int
) -> None:
    assert LEAST <= at(ranks, per_day, since=TODAY - timedelta(days=watched)) <= 2.0
