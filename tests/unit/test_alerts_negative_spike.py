"""The detector on series whose right answer is known."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.negative_spike import measure, severity_of, share_z, volume_z
from alerts.series import Series, to_us
from alerts.types import Hour, Mention, Reading, Rule, Severity

START = datetime(2024, 1, 1, tzinfo=UTC)
AT = START + timedelta(days=20, hours=15, minutes=20)
RULE = Rule()


def account(
    hours_ago: float,
    source: str,
    *,
    negative: bool = True,
    is_copy: bool = False,
    story: str = "something",
) -> Mention:
    at = AT - timedelta(hours=hours_ago)
    name = f"{source} {hours_ago} {negative} {is_copy}"
    return Mention(name, at, source, story, negative, -0.8 if negative else 0.1, is_copy)


def habit(per_day: float, share: float, *, days: float = 20) -> list[Hour]:
    """Return hours of accounts that come by chance, ``share`` of them negative."""
    chance = random.Random(7)  # noqa: S311 - reproducible noise, no secret
    hours = []
    for ago in range(int(days * 24)):
        accounts = sum(chance.random() < per_day / 240 for _ in range(10))
        negative = sum(chance.random() < share for _ in range(accounts))
        if accounts:
            start = (AT - timedelta(hours=ago)).replace(minute=0)
            hours.append(Hour(start, accounts, negative))
    return hours


def read(
    mentions: Sequence[Mention],
    hours: Sequence[Hour] = (),
    *,
    archive_start: datetime = START,
    parent_share: float = 0.3,
    rule: Rule = RULE,
) -> Reading:
    series = Series(
        mentions,
        hours,
        archive_start=archive_start,
        parent_share=parent_share,
        longest_window=rule.long_window,
    )
    return measure(series, to_us(AT), rule)


BUSY = habit(10, 0.4)
THREE = (account(3, "wire"), account(1, "daily"), account(0, "wire"))


def test_three_negative_accounts_of_two_sources_fire_for_a_company_without_history() -> None:
    reading = read(THREE)

    assert reading.fires
    assert (reading.observed, reading.sources, reading.accounts) == (3, 2, 3)
    assert reading.expected < 0.1
    assert severity_of(reading, RULE) is Severity.WARNING


def test_three_fire_too_in_an_archive_of_two_days_and_where_two_fifths_of_all_is_negative() -> None:
    assert read(THREE, archive_start=AT - timedelta(hours=48), parent_share=0.4).fires


def test_nothing_fires_before_the_archive_is_warm() -> None:
    assert not read(THREE, archive_start=AT - timedelta(hours=47)).fires


def test_two_accounts_never_fire() -> None:
    assert not read([account(1, "wire"), account(0, "daily")]).fires


@pytest.mark.parametrize(("per_day", "share"), [(10, 0.4), (25, 0.4)])
@pytest.mark.parametrize("days", [2.5, 5, 20])
def test_four_negative_accounts_are_the_habit_of_a_busy_company(
    per_day: float, share: float, days: float
) -> None:
    mentions = [account(hours_ago / 2, f"source {hours_ago}") for hours_ago in range(4)]
    hours = habit(per_day, share, days=days)

    reading = read(mentions, hours, archive_start=AT - timedelta(days=days))

    assert not reading.fires
    assert reading.observed == 4


def test_a_crisis_fires_for_a_busy_company_as_well() -> None:
    mentions = [account(number / 4, f"source {number}") for number in range(15)]

    reading = read(mentions, habit(25, 0.4))

    assert reading.fires
    assert severity_of(reading, RULE) is Severity.CRITICAL


def test_a_day_with_much_news_that_is_not_negative_does_not_fire() -> None:
    good = [account(number / 20, f"source {number % 9}", negative=False) for number in range(78)]

    reading = read([*good, *THREE])

    assert reading.accounts == 81
    assert reading.z_share < 0
    assert not reading.fires


def test_copies_are_items_and_nothing_else() -> None:
    copies = [account(number / 10, f"paper {number}", is_copy=True) for number in range(30)]

    reading = read([THREE[0], *copies])

    assert (reading.items, reading.accounts, reading.observed, reading.sources) == (31, 1, 1, 1)
    assert not reading.fires


def test_twenty_pieces_of_a_single_outlet_never_fire() -> None:
    reading = read([account(number / 5.1, "wire") for number in range(20)])

    assert reading.accounts == 20
    assert reading.observed == 5  # Four hours touch five hours of the clock.
    assert not reading.fires


def test_an_outlet_counts_once_an_hour() -> None:
    same_hour = [account(0.01 * number, "wire") for number in range(20)]

    assert read([*same_hour, account(0, "daily")]).observed == 2


def test_the_window_excludes_its_start_and_includes_its_end() -> None:
    assert read([account(12, "wire"), account(0, "daily")]).observed == 1


def test_nothing_after_the_moment_is_looked_at() -> None:
    future = [account(-0.5, f"source {number}") for number in range(9)]
    hours = habit(10, 0.4)
    later = Hour(AT.replace(minute=0), 500, 500)

    assert read([*THREE, *future], [*hours, later]) == read(THREE, hours)


def test_the_window_itself_is_no_part_of_the_expectation() -> None:
    inside = [Hour(AT.replace(minute=0) - timedelta(hours=ago), 9, 9) for ago in range(13)]

    assert read(THREE, inside) == read(THREE)


def test_history_older_than_four_weeks_counts_for_nothing() -> None:
    old = Hour(AT.replace(minute=0) - timedelta(days=28, hours=13), 99, 99)
    start = START - timedelta(days=40)

    assert read(THREE, [old], archive_start=start) == read(THREE, archive_start=start)


def test_distinct_sources_of_an_hour_are_preferred_to_its_accounts() -> None:
    hours = habit(25, 0.4)
    by_outlet = [replace(hour, negative_sources=min(hour.negative, 1)) for hour in hours]

    assert read(THREE, by_outlet).expected < read(THREE, hours).expected


def test_the_expectation_nears_the_habit_as_the_archive_grows() -> None:
    habit_in_window = 25 * 0.4 * 4 / 24

    expected = [
        read(THREE, habit(25, 0.4, days=days), archive_start=AT - timedelta(days=days)).expected
        for days in (0.1, 3, 20)
    ]

    assert expected[0] < expected[1] <= 1.3 * habit_in_window
    assert expected[2] == pytest.approx(habit_in_window, rel=0.3)


def test_a_quiet_window_clears_and_a_firing_one_does_not() -> None:
    assert read([]).clears
    assert not read(THREE).clears


def test_stories_are_those_of_the_negative_accounts() -> None:
    told = [
        account(13, "wire", story="drought"),
        account(2, "wire", story="fire"),
        account(1, "daily", story="fire"),
        account(0, "post", story="probe"),
        account(0, "post", story="markets", negative=False),
        account(0, "blog", story="strike", is_copy=True),
    ]

    assert read(told).stories == 2


@pytest.mark.parametrize(
    ("per_day", "accounts", "least"), [(4, 8, 8), (4, 15, 11), (10, 15, 15), (10, 22, 15)]
)
def test_what_fires_for_a_busy_company_is_what_the_docs_say(
    per_day: float, accounts: int, least: int
) -> None:
    def fires(negative: int) -> bool:
        enough = volume_z(negative, per_day / 6) >= RULE.min_z_volume
        return enough and share_z(negative, accounts, 0.4) >= RULE.min_z_share

    assert fires(least)
    assert not fires(least - 1)


@given(expected=st.floats(1e-6, 1e4), observed=st.integers(0, 10_000))
def test_volume_z_grows_with_the_count_and_has_the_sign_of_the_excess(
    expected: float, observed: int
) -> None:
    z = volume_z(observed, expected)

    assert volume_z(observed + 1, expected) >= z
    assert (z > 0) <= (observed > expected)


@given(accounts=st.integers(1, 2_000), share=st.floats(0.02, 0.98), chance=st.data())
def test_share_z_grows_with_the_negatives_and_falls_with_the_expected_share(
    accounts: int, share: float, chance: st.DataObject
) -> None:
    negative = chance.draw(st.integers(0, accounts - 1))
    z = share_z(negative, accounts, share)

    assert share_z(negative + 1, accounts, share) >= z
    assert share_z(negative, accounts, min(share + 0.01, 0.99)) <= z + 1e-9


@given(
    chance=st.randoms(use_true_random=False),
    number=st.integers(0, 40),
)
def test_the_order_in_which_mentions_come_does_not_matter(
    chance: random.Random, number: int
) -> None:
    mentions = [
        account(chance.uniform(0, 5), chance.choice("abcd"), negative=chance.random() < 0.6)
        for _ in range(number)
    ]
    hours = list(BUSY)
    reading = read(mentions, hours)
    chance.shuffle(mentions)
    chance.shuffle(hours)

    assert read(mentions, hours) == reading
