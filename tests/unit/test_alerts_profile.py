"""When in a week news comes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.profile import FLAT, HOURS_OF_WEEK, Profile
from alerts.series import to_us

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def learnt(weeks: int) -> Profile:
    """Return the profile of weeks with ten accounts in each hour from 8 to 20 on weekdays."""
    starts = [MONDAY + timedelta(hours=hour) for hour in range(weeks * HOURS_OF_WEEK)]
    hours = [(at, 10) for at in starts if 8 <= at.hour < 20 and at.weekday() < 5]
    return Profile.of(hours, since=MONDAY, until=MONDAY + timedelta(weeks=weeks))


def test_nothing_known_is_flat() -> None:
    assert Profile.of([], since=MONDAY, until=MONDAY + timedelta(days=9)) == FLAT
    assert Profile.of([(MONDAY, 5)], since=MONDAY, until=MONDAY) == FLAT


def test_working_hours_weigh_more_than_nights_and_weekends() -> None:
    weights = learnt(3).weights

    assert weights[9] > 2 > 1 > weights[3] > 0
    assert weights[5 * 24 + 9] == weights[3]


def test_more_weeks_are_believed_more() -> None:
    assert 1 < learnt(1).weights[9] < learnt(4).weights[9] < HOURS_OF_WEEK / 60


def test_a_week_is_worth_its_hours_wherever_it_starts() -> None:
    profile = learnt(4)

    for hours in (0, 1, 50.5, 167):
        start = to_us(MONDAY + timedelta(hours=hours))
        week = profile.between(start, start + HOURS_OF_WEEK * 3_600_000_000)
        assert week == pytest.approx(sum(profile.weights))


def test_the_weights_hang_on_monday() -> None:
    first = to_us(MONDAY) // 3_600_000_000

    assert learnt(2).hourly(first, first + HOURS_OF_WEEK).tolist() == list(learnt(2).weights)


@given(st.lists(st.integers(0, 2 * HOURS_OF_WEEK * 3600), min_size=3, max_size=3))
def test_spans_add_up(seconds: list[int]) -> None:
    one, two, three = sorted(to_us(MONDAY + timedelta(seconds=each)) for each in seconds)
    profile = learnt(2)

    whole = profile.between(one, two) + profile.between(two, three)
    assert whole == pytest.approx(profile.between(one, three), abs=1e-6)
