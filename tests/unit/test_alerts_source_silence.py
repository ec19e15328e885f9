"""Sources that fall silent, by their own habit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from alerts.source_silence import SLOT, SilenceRule, find_silence

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
START = MONDAY - timedelta(weeks=4)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def source(
    rate: Callable[[datetime], float], *, until: datetime = MONDAY, seed: int = 1
) -> list[datetime]:
    """Return the slots of a source with so many items an hour, by chance."""
    random = np.random.default_rng(seed)
    slots = []
    at = START
    while at < until:
        if random.random() < 1 - np.exp(-rate(at) / 12):
            slots.append(at)
        at += SLOT
    return slots


def office(at: datetime) -> float:
    """Ten items an hour on working days from eight to six, next to none else."""
    return 10.0 if at.weekday() < 5 and 8 <= at.hour < 18 else 0.02


def found_after(slots: list[datetime], *, within: timedelta = timedelta(days=14)) -> timedelta:
    """Return how long after the last slot the silence is found."""
    gap = timedelta(0)
    while gap <= within:
        if find_silence(slots, now=slots[-1] + gap) is not None:
            return gap
        gap += SLOT
    pytest.fail("not found")


def test_the_more_a_source_writes_the_sooner_its_silence_is_found() -> None:
    often = found_after(source(lambda _: 60.0))
    seldom = found_after(source(lambda _: 1.0))

    assert timedelta(minutes=30) <= often <= 2 * HOUR
    assert 6 * HOUR <= seldom <= 36 * HOUR


def test_a_source_of_office_hours_may_be_silent_at_night_and_on_a_weekend() -> None:
    friday = source(office, until=MONDAY - 2 * DAY - 6 * HOUR)
    assert friday[-1].weekday() == 4

    assert find_silence(friday, now=MONDAY + 8 * HOUR) is None, "the whole weekend"
    assert find_silence(friday, now=MONDAY + 12 * HOUR) is not None, "Monday's morning is not"


def test_a_source_on_a_timer_is_found_after_a_few_beats() -> None:
    hourly = [START + number * HOUR for number in range(4 * 7 * 24)]

    assert found_after(hourly) <= 8 * HOUR


@pytest.mark.parametrize(
    "rate", [lambda _: 60.0, lambda _: 2.0, office], ids=["busy", "slow", "office"]
)
def test_in_half_a_year_hardly_any_silence_is_found_where_there_is_none(
    rate: Callable[[datetime], float],
) -> None:
    slots = source(rate, until=MONDAY + 22 * timedelta(weeks=1), seed=7)
    found = 0
    for last, after in pairwise(slots):
        if last < MONDAY or after - last < timedelta(minutes=30):
            continue
        past = [slot for slot in slots if last - timedelta(weeks=4) <= slot <= last]
        found += find_silence(past, now=after - SLOT) is not None

    assert found <= 1


def test_bursts_at_any_hour_are_no_promise_to_go_on() -> None:
    random = np.random.default_rng(3)
    starts = [START + int(hours) * HOUR for hours in np.cumsum(random.exponential(6, 105) + 1)]
    bursts = [start + k * SLOT for start in starts for k in range(12)]

    assert find_silence(bursts, now=bursts[-1] + 12 * HOUR) is None
    assert find_silence(bursts, now=bursts[-1] + 6 * DAY) is not None


def test_a_source_with_little_history_is_not_judged() -> None:
    slots = source(lambda _: 60.0)

    assert find_silence(slots[:20], now=MONDAY) is None
    assert find_silence(slots[:500], now=MONDAY) is None, "two days are no week"
    assert find_silence([], now=MONDAY) is None


def test_a_source_that_comes_and_goes_is_told_of_once() -> None:
    slots = source(lambda _: 6.0)
    first = found_after(slots)
    now = slots[-1] + first

    assert find_silence(slots, now=now, last_ended=now - 2 * HOUR) is None
    assert find_silence(slots, now=now, last_ended=now - 2 * DAY) is not None
    assert find_silence(slots, now=now + 12 * HOUR, last_ended=now - 2 * HOUR) is not None


def test_a_silence_says_what_was_usual() -> None:
    hourly = [START + number * HOUR for number in range(4 * 7 * 24)]

    silence = find_silence(hourly, now=hourly[-1] + 12 * HOUR)

    assert silence is not None
    assert (silence.since, silence.usual_gap) == (hourly[-1], HOUR)
    assert silence.expected == pytest.approx(12, abs=1)
    assert silence.once_in > SilenceRule().once_in
