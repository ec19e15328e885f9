"""The choice of evidence."""

from datetime import UTC, datetime, timedelta

from alerts.evidence import most_telling
from alerts.types import Mention

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
WINDOW = timedelta(hours=4)


def mention(
    story: str,
    score: float = -0.5,
    *,
    source: str = "wire",
    hours_ago: float = 1,
    negative: bool = True,
    is_copy: bool = False,
) -> Mention:
    at = AT - timedelta(hours=hours_ago)
    return Mention(f"{story} {source} {hours_ago}", at, source, story, negative, score, is_copy)


def test_evidence_is_the_worst_account_of_each_story_first() -> None:
    plunge = mention("plunge", -0.9)
    retold = mention("plunge", -0.8, source="daily")
    probe = mention("probe", -0.3)

    assert most_telling([probe, retold, plunge], at=AT, window=WINDOW) == [plunge, probe, retold]


def test_further_accounts_of_a_story_come_from_other_sources_first() -> None:
    worst = mention("plunge", -0.9)
    again = mention("plunge", -0.8, hours_ago=2)
    other = mention("plunge", -0.4, source="daily")

    assert most_telling([again, other, worst], at=AT, window=WINDOW) == [worst, other, again]
    assert most_telling([again, other, worst], at=AT, window=WINDOW, limit=2) == [worst, other]


def test_copies_good_news_and_news_outside_the_window_are_no_evidence() -> None:
    others = [
        mention("One", is_copy=True),
        mention("Two", negative=False),
        mention("Three", hours_ago=4),
        mention("Four", hours_ago=-1),
    ]

    assert most_telling(others, at=AT, window=WINDOW) == []


def test_the_same_item_is_evidence_once() -> None:
    assert most_telling([mention("One"), mention("One")], at=AT, window=WINDOW) == [mention("One")]


def test_good_news_is_evidence_where_any_tone_counts() -> None:
    good, copy = mention("One", 0.8, negative=False), mention("Two", is_copy=True)
    bad = mention("Three", -0.9)

    assert most_telling([good, copy, bad], at=AT, window=WINDOW, any_tone=True) == [bad, good]
