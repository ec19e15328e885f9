"""The other detectors on invented series whose properties are known."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.defaults import DEFAULTS
from alerts.detectors import measure, next_step
from alerts.negative_spike import severity_of
from alerts.series import Series, to_us
from alerts.types import Detector, Hour, Mention, Reading, Rule

START = datetime(2024, 1, 1, tzinfo=UTC)
AT = START + timedelta(days=30, hours=12)
SURGE, SHIFT, BURN = Detector.ATTENTION_SURGE, Detector.TONE_SHIFT, Detector.SLOW_BURN


def news(
    per_day: float, share: float, *, days: float, until: datetime = AT, outlets: int = 12
) -> list[Mention]:
    """Return accounts that come by chance, ``share`` of them negative, up to a moment."""
    chance = random.Random(f"{per_day} {share} {days}")  # noqa: S311 - reproducible noise, no secret
    mentions, hours_ago = [], 0.0
    while (hours_ago := hours_ago + chance.expovariate(per_day / 24)) < 24 * days:
        negative = chance.random() < share
        source = f"outlet {chance.randrange(outlets)}"
        at = until - timedelta(hours=hours_ago)
        mentions.append(Mention(f"{hours_ago}", at, source, "", negative, 0.0, False))
    return mentions


def read(mentions: Sequence[Mention], detector: Detector, rule: Rule | None = None) -> Reading:
    """Measure at the end of the mentions, with the hours that they make."""
    rule = rule or DEFAULTS[detector]
    by_hour: dict[datetime, list[Mention]] = {}
    for one in mentions:
        by_hour.setdefault(one.at.replace(minute=0, second=0, microsecond=0), []).append(one)
    hours = [
        Hour(
            start,
            len(inside),
            sum(one.negative for one in inside),
            len({one.source for one in inside if one.negative}),
        )
        for start, inside in by_hour.items()
    ]
    series = Series(
        [one for one in mentions if one.at > AT - rule.long_window],
        hours,
        archive_start=START,
        parent_share=0.25,
        longest_window=rule.long_window,
    )
    return measure(series, to_us(AT), rule)


QUIET = news(6, 0.2, days=30)
BUSY = news(40, 0.2, days=30)


@pytest.mark.parametrize("detector", list(Detector))
@pytest.mark.parametrize("usual", [QUIET, BUSY])
def test_a_usual_day_fires_nothing(detector: Detector, usual: list[Mention]) -> None:
    assert not read(usual, detector).fires


def test_a_surge_is_found_whatever_its_tone_and_where_the_spike_sees_none() -> None:
    surge = [*QUIET, *news(120, 0.0, days=0.15)]

    reading = read(surge, SURGE)

    assert reading.fires
    assert reading.observed > 10 * reading.expected
    assert not read(surge, Detector.NEGATIVE_SPIKE).fires


def test_a_surge_of_one_outlet_is_none() -> None:
    assert not read([*QUIET, *news(240, 0.0, days=0.15, outlets=1)], SURGE).fires


def test_a_worse_tone_at_steady_volume_is_a_shift_and_no_spike() -> None:
    before = news(40, 0.2, days=29, until=AT - timedelta(days=1))
    shifted = [*before, *news(40, 0.75, days=1)]

    assert read(shifted, SHIFT).fires
    assert not read(shifted, SURGE).fires
    assert not read(shifted, Detector.NEGATIVE_SPIKE).fires


def test_more_news_of_the_usual_tone_is_no_shift() -> None:
    assert not read([*BUSY, *news(120, 0.2, days=1)], SHIFT).fires


def test_a_few_bad_accounts_more_each_day_are_a_slow_burn_and_no_spike() -> None:
    before = news(2, 0.2, days=25, until=AT - timedelta(days=5))
    burning = [*before, *news(6, 0.8, days=5)]

    assert read(burning, BURN).fires
    assert not read(burning, Detector.NEGATIVE_SPIKE).fires


def test_one_bad_hour_is_no_slow_burn() -> None:
    before = news(2, 0.2, days=29, until=AT - timedelta(days=1))

    assert not read([*before, *news(240, 1.0, days=1 / 24)], BURN).fires


def test_a_burn_that_ended_days_ago_is_over() -> None:
    before = news(2, 0.2, days=20, until=AT - timedelta(days=10))
    burned = news(6, 0.8, days=4, until=AT - timedelta(days=6))
    since = news(2, 0.2, days=6)

    assert not read([*before, *burned, *since], BURN).fires


@settings(deadline=None, max_examples=25)
@given(
    detector=st.sampled_from(list(Detector)),
    later=st.lists(st.tuples(st.floats(0.01, 48), st.booleans()), max_size=20),
)
def test_nothing_from_the_future_changes_a_reading(
    detector: Detector, later: list[tuple[float, bool]]
) -> None:
    ahead = [
        Mention(f"later {n}", AT + timedelta(hours=hours), "outlet", "", negative, 0.0, False)
        for n, (hours, negative) in enumerate(later)
    ]

    assert read([*QUIET, *ahead], detector) == read(QUIET, detector)


def test_only_the_surge_steps_at_good_news() -> None:
    good = Mention("good", AT, "outlet", "", negative=False, score=0.5, is_copy=False)
    series = Series(
        [good], [], archive_start=START, parent_share=0.2, longest_window=timedelta(hours=4)
    )

    for detector in Detector:
        found = AT if detector is SURGE else None
        rule = DEFAULTS[detector]
        assert next_step(series, to_us(AT) - 1, rule) == (found and to_us(found))


def test_what_fires_does_not_clear_however_little_the_budget_asks() -> None:
    before = news(24, 0.25, days=29, until=AT - timedelta(days=1))
    day = [
        Mention(
            f"now {n}",
            AT - timedelta(minutes=50 * n),
            f"outlet {n % 6}",
            "",
            negative=n % 24 < 11,
            score=0.0,
            is_copy=False,
        )
        for n in range(24)
    ]
    asked = replace(DEFAULTS[SHIFT], threshold=0.5)

    reading = read([*before, *day], SHIFT, asked)

    assert 0 < reading.z_share < asked.clear_z
    assert reading.fires
    assert not reading.clears
    assert read([*before, *day], SHIFT, replace(asked, threshold=2.0)).clears


@pytest.mark.parametrize("detector", list(Detector))
def test_what_firing_asks_for_times_one_is_critical(detector: Detector) -> None:
    days = 5 if detector is BURN else 1
    before = news(4, 0.2, days=30 - days, until=AT - timedelta(days=days))
    bad = [*before, *news(60, 0.8, days=days)]

    reading = read(bad, detector)

    assert reading.fires
    assert reading.observed >= reading.asked
    assert severity_of(reading, replace(DEFAULTS[detector], critical_factor=1.0)) == "critical"
    assert severity_of(reading, replace(DEFAULTS[detector], critical_factor=99.0)) == "warning"
