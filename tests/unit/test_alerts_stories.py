"""Stories and the choice of evidence."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.evidence import most_telling
from alerts.stories import group_stories
from alerts.types import Mention

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
WINDOW = timedelta(hours=4)


def mention(
    title: str,
    score: float = -0.5,
    *,
    source: str = "wire",
    hours_ago: float = 1,
    negative: bool = True,
    is_copy: bool = False,
) -> Mention:
    at = AT - timedelta(hours=hours_ago)
    return Mention(f"{title} {source} {hours_ago}", at, source, title, negative, score, is_copy)


def test_retellings_are_one_story_and_other_news_of_the_company_another() -> None:
    titles = [
        "Northlake Bank shares plunge after capital raise",
        "Shares of Northlake Bank plunge on capital raise",
        "Northlake Bank hires a new head of marketing",
    ]

    assert group_stories(titles) == [0, 0, 1]


def test_a_shared_company_name_is_no_story() -> None:
    assert group_stories(["Northlake Bank sued", "Northlake Bank wins award"]) == [0, 1]


def test_chinese_titles_are_compared_by_pairs_of_characters() -> None:
    titles = ["北湖银行股价暴跌逾五成", "北湖银行股价今日暴跌", "北湖银行任命新行长"]

    assert group_stories(titles) == [0, 0, 1]


def test_titles_without_words_are_stories_of_their_own() -> None:
    assert group_stories(["", "!!!", ""]) == [0, 1, 2]


@given(st.lists(st.text(max_size=40), max_size=20))
def test_stories_are_numbered_by_first_appearance(titles: list[str]) -> None:
    stories = group_stories(titles)

    assert len(stories) == len(titles)
    assert list(dict.fromkeys(stories)) == list(range(len(set(stories))))


def test_evidence_is_the_worst_account_of_each_story_first() -> None:
    plunge = mention("Northlake Bank shares plunge after raise", -0.9)
    retold = mention("Northlake Bank shares plunge after the raise", -0.8, source="daily")
    probe = mention("Regulator opens probe of lending", -0.3)

    assert most_telling([probe, retold, plunge], at=AT, window=WINDOW) == [plunge, probe, retold]


def test_further_accounts_of_a_story_come_from_other_sources_first() -> None:
    title = "Northlake Bank shares plunge after raise"
    worst = mention(title, -0.9)
    again = mention(title, -0.8, hours_ago=2)
    other = mention(title, -0.4, source="daily")

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
