"""The life of alerts along event time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.types import (
    Hour,
    Mention,
    Rule,
    SeriesState,
    Severity,
    Transition,
    TransitionKind,
)
from alerts.walk import Walk, resume_at, walk

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = START + timedelta(days=5, hours=9)
RULE = Rule()


def account(minute: float, source: str = "wire", *, negative: bool = True) -> Mention:
    at = DAY + timedelta(minutes=minute)
    return Mention(f"{source} {minute}", at, source, f"Told at {minute}", negative, -0.5, False)


def go(
    mentions: Sequence[Mention],
    *,
    hours: Sequence[Hour] = (),
    state: SeriesState | None = None,
    since: float = -60,
    until: float = 48 * 60,
    changed: float | None = None,
    rule: Rule = RULE,
) -> Walk:
    state = state or SeriesState()
    return walk(
        mentions,
        hours,
        state=state,
        since=resume_at(
            state,
            since=DAY + timedelta(minutes=since),
            changed=None if changed is None else DAY + timedelta(minutes=changed),
        ),
        until=DAY + timedelta(minutes=until),
        archive_start=START,
        parent_share=0.3,
        rule=rule,
    )


def told(transitions: Sequence[Transition]) -> list[tuple[str, float]]:
    return [
        (change.kind.removeprefix("alert."), (change.reading.at - DAY) / timedelta(minutes=1))
        for change in transitions
    ]


SPIKE = (account(0), account(10, "daily"), account(62))


def test_it_fires_at_the_account_that_makes_three_and_resolves_without_further_news() -> None:
    walked = go(SPIKE)

    # The long window empties 12 h after the last account; half an hour of quiet starts at the next
    # border of 5 minutes.
    assert told(walked.transitions) == [("fired", 62), ("resolved", 62 + 720 + 3 + 30)]
    assert walked.state.open is None
    assert walked.state.last_resolved_at == DAY + timedelta(minutes=815)
    assert walked.transitions[1].fired_at == DAY + timedelta(minutes=62)


def test_the_readings_of_transitions_carry_their_stories() -> None:
    assert go(SPIKE).transitions[0].reading.stories == 3


def test_a_relapse_during_the_quiet_half_hour_keeps_the_alert_open() -> None:
    walked = go([*SPIKE, account(62 + 720 + 20)])

    assert told(walked.transitions) == [("fired", 62), ("resolved", 802 + 720 + 3 + 30)]


def test_it_is_upgraded_once_when_the_crisis_grows() -> None:
    grows = [account(70 + 2 * number, f"source {number}") for number in range(30)]

    walked = go([*SPIKE, *grows], until=200)

    assert told(walked.transitions) == [("fired", 62), ("updated", 80)]
    assert walked.transitions[1].severity is Severity.CRITICAL
    assert walked.state.open is not None
    assert walked.state.open.peak_observed == 33


def test_the_end_knows_the_peak_and_its_window() -> None:
    grows = [account(70 + 2 * number, f"source {number}") for number in range(9)]

    fired, *_, end = go([*SPIKE, *grows]).transitions

    assert (fired.peak_observed, fired.peak_window) == (3, fired.reading.window)
    assert (end.peak_observed, end.peak_window) == (12, RULE.window)
    assert end.reading.observed < 12


def test_severity_does_not_fall_while_the_alert_is_open() -> None:
    grows = [account(70 + 2 * number, f"source {number}") for number in range(9)]

    last = go([*SPIKE, *grows]).transitions[-1]

    assert (last.kind, last.severity) == (TransitionKind.RESOLVED, Severity.CRITICAL)


def test_within_the_cooldown_the_same_alert_comes_back_and_after_it_a_new_one_fires() -> None:
    early = [account(815 + 60 + number, f"source {number}") for number in range(5)]
    late = [account(815 + 6 * 60 + number, f"source {number}") for number in range(5)]

    back = go([*SPIKE, *early]).transitions
    assert told(back)[:3] == [("fired", 62), ("resolved", 815), ("updated", 815 + 62)]
    assert {change.fired_at for change in back} == {DAY + timedelta(minutes=62)}
    assert told(go([*SPIKE, *late]).transitions)[2] == ("fired", 815 + 6 * 60 + 2)


def test_an_alert_that_comes_back_worse_is_critical_and_stays_so() -> None:
    many = [account(815 + 60 + number, f"source {number}") for number in range(12)]

    severities = [change.severity.value for change in go([*SPIKE, *many]).transitions]

    assert severities == ["warning", "warning", "warning", "critical", "critical"]


QUICK = Rule(
    window=timedelta(minutes=20),
    long_window=timedelta(minutes=20),
    clear_for=timedelta(minutes=5),
)


def test_an_alert_that_ends_and_comes_back_all_day_is_told_once_more_and_then_stays_open() -> None:
    # Every hour three voices within the 20 minutes of the window.
    waves = [
        account(60 * hour + 3 * number, f"source {number}")
        for hour in range(12)
        for number in range(3)
    ]

    walked = go(waves, rule=QUICK, until=30 * 60)

    kinds = [kind for kind, _ in told(walked.transitions)]
    assert kinds == ["fired", "resolved", "updated", "resolved", "updated", "resolved"]
    assert [change.flapping for change in walked.transitions] == [False] * 4 + [True] * 2
    # The last wave ends at 11:06, its window 20 minutes later; then six hours of quiet.
    assert told(walked.transitions)[-1] == ("resolved", 11 * 60 + 30 + 360)


def test_it_never_fires_because_time_passed() -> None:
    good = [account(63 + number, negative=False) for number in range(3)]
    warm = Rule(warm_up=timedelta(days=5, hours=10, minutes=3))

    assert go([*SPIKE, *good], rule=warm).transitions == ()


def test_news_before_the_way_counts_but_does_not_fire_again() -> None:
    assert go(SPIKE, since=62).transitions == ()
    assert told(go(SPIKE, since=61, until=62).transitions) == [("fired", 62)]


def test_an_account_that_comes_late_fires_in_hindsight() -> None:
    in_time, late = [SPIKE[0], SPIKE[2]], SPIKE[1]
    before = go(in_time, until=90)
    assert before.transitions == ()

    after = go([*in_time, late], state=before.state, since=90, until=95, changed=10)

    assert told(after.transitions) == [("fired", 62)]


def test_an_alert_that_began_and_ended_before_its_last_account_came_is_told_as_a_whole() -> None:
    in_time, late = [SPIKE[0], SPIKE[2]], SPIKE[1]
    before = go(in_time, until=1000)

    after = go([*in_time, late], state=before.state, since=1000, until=1001, changed=10)

    assert after == go(SPIKE, until=1001)
    assert told(after.transitions) == [("fired", 62), ("resolved", 815)]


def test_accounts_that_come_late_update_the_open_alert_as_of_their_own_time() -> None:
    before = go(SPIKE, until=90)
    assert before.state.open is not None
    late = [account(70 + n / 10, f"late {n}") for n in range(9)]

    after = go([*SPIKE, *late], state=before.state, since=90, until=95, changed=70)

    # Three times three accounts are critical: six late ones make nine.
    assert told(after.transitions) == [("updated", 70.5)]
    assert after.transitions[0].severity is Severity.CRITICAL
    assert after.transitions[0].reading.observed == 9


def test_what_comes_late_for_a_moment_that_was_spoken_of_is_told_as_of_the_next() -> None:
    before = go(SPIKE, until=90)
    late = [account(60 + n / 10, f"late {n}") for n in range(9)]

    after = go([*SPIKE, *late], state=before.state, since=90, until=95, changed=60)

    assert told(after.transitions) == [("updated", 65)]
    assert after.transitions[0].reading.observed == 12


def test_good_news_that_comes_late_does_not_unsay_an_alert() -> None:
    before = go(SPIKE, until=90)
    late = [account(61 + n / 100, f"late {n}", negative=False) for n in range(60)]

    after = go([*SPIKE, *late], state=before.state, since=90, until=95, changed=61)

    assert go([*SPIKE, *late], until=95).transitions == (), "it would not have fired"
    assert after.transitions == ()
    assert after.state.open is not None


def burst(start: int, told_by: Sequence[tuple[int, str, bool, bool]]) -> list[Mention]:
    """Return mentions that follow each other by minutes."""
    mentions = []
    for gap, source, negative, is_copy in told_by:
        start += gap
        at = DAY + timedelta(minutes=start)
        name = f"{start} {source} {negative} {is_copy}"
        mentions.append(Mention(name, at, source, f"{source} tells", negative, -0.4, is_copy))
    return mentions


gap_source_tone_copy = st.tuples(
    st.integers(0, 30),
    st.sampled_from("abcdef"),
    st.sampled_from([True, True, False]),
    st.sampled_from([False, False, False, True]),
)
mentions_of_some_days = st.lists(
    st.builds(
        burst,
        start=st.integers(0, 3 * 24 * 60),
        told_by=st.lists(gap_source_tone_copy, min_size=4, max_size=16),
    ),
    min_size=1,
    max_size=5,
).map(lambda bursts: [mention for told in bursts for mention in told])
hours_before = st.lists(
    st.builds(
        lambda ago, accounts, negative: Hour(
            DAY - timedelta(hours=ago), accounts, min(accounts, negative)
        ),
        ago=st.integers(-70, 119),
        accounts=st.integers(1, 4),
        negative=st.integers(0, 4),
    ),
    max_size=20,
    unique_by=lambda hour: hour.start,
)
# Low thresholds, so that much happens.
NERVOUS = Rule(
    window=timedelta(hours=1),
    min_negative=2,
    min_ratio=1.1,
    min_z_volume=0.5,
    min_z_share=0.2,
    cooldown=timedelta(hours=1),
    critical_factor=1.5,
)


@settings(deadline=None)
@given(
    mentions=mentions_of_some_days,
    hours=hours_before,
    cuts=st.lists(st.integers(-60, 4 * 24 * 60), max_size=40),
    late=st.sampled_from([0, 3, 90, 24 * 60]),
    rule=st.sampled_from([RULE, NERVOUS]),
)
def test_walking_in_pieces_gives_what_walking_at_once_gives(
    mentions: list[Mention], hours: list[Hour], cuts: list[int], late: int, rule: Rule
) -> None:
    end = 4 * 24 * 60
    whole = go(mentions, hours=hours, until=end, rule=rule)

    state = SeriesState()
    transitions: list[Transition] = []
    ranks: dict[date, float] = {}
    borders = [-60, *sorted(cuts), end]
    for since, until in pairwise(borders):
        first = DAY + timedelta(minutes=since - late) - rule.long_window
        last = DAY + timedelta(minutes=until)
        known = [mention for mention in mentions if first < mention.at <= last]
        piece = go(
            known,
            hours=hours,
            state=state,
            since=since,
            until=until,
            # As if something had been stored that changes nothing, or nothing had.
            changed=since - late if late else None,
            rule=rule,
        )
        state = piece.state
        transitions.extend(piece.transitions)
        for day, rank in piece.ranks.items():
            ranks[day] = max(rank, ranks.get(day, 0.0))

    assert Walk(state, tuple(transitions), ranks) == whole


@settings(deadline=None)
@given(mentions=mentions_of_some_days, hours=hours_before)
def test_alerts_open_and_close_in_turn_and_keep_the_cooldown(
    mentions: list[Mention], hours: list[Hour]
) -> None:
    walked = go(mentions, hours=hours, until=4 * 24 * 60, rule=NERVOUS)

    ended_at: dict[datetime, datetime] = {}
    is_open: datetime | None = None
    for change in walked.transitions:
        at, fired_at = change.reading.at, change.fired_at
        if change.kind is TransitionKind.FIRED:
            assert is_open is None
            assert all(at - end >= NERVOUS.cooldown for end in ended_at.values())
            assert at == fired_at
            assert at in {mention.at for mention in mentions if mention.negative}
        elif change.kind is TransitionKind.UPDATED and is_open is None:
            assert timedelta(0) < at - ended_at.pop(fired_at) < NERVOUS.cooldown
            assert change.reading.fires
        else:
            assert is_open == fired_at
        is_open = None if change.kind is TransitionKind.RESOLVED else fired_at
        if is_open is None:
            ended_at[fired_at] = at
    assert (walked.state.open is not None) == (is_open is not None)


def test_four_weeks_of_a_busy_series_take_well_under_a_second() -> None:
    mentions = [
        account(7 * number, f"source {number % 12}", negative=number % 3 == 0)
        for number in range(6_000)
    ]
    hours = [Hour(START + timedelta(hours=number), 8, 3) for number in range(900)]

    started = perf_counter()
    go(mentions, hours=hours, until=30 * 24 * 60)

    assert perf_counter() - started < 1
