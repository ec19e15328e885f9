"""Copies and stories: what is one voice, and what is one event."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.accounts.assign import Place, Placer
from alerts.accounts.copies import is_copy, read_text
from alerts.accounts.vectors import VectorSums

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)


def place_all(*titles: str, apart: timedelta = timedelta(minutes=5)) -> list[Place]:
    placer = Placer()
    return [placer.place(str(n), AT + n * apart, title, "") for n, title in enumerate(titles)]


HEADLINE = "Northlake Bank halts withdrawals as depositors queue"


@pytest.mark.parametrize(
    "title",
    [
        "UPDATE 1-Northlake Bank halts withdrawals as depositors queue",
        "Northlake Bank Halts Withdrawals as Depositors Queue - Newswire",
        "Northlake Bank halts withdrawals as depositors queue (Adds details)",
        "northlake bank halts withdrawals, as depositors queue!",
        "Northlake Bank halts withdrawals as depositors queue https://example.com/a",
        "Northlake Bank halts all withdrawals as depositors queue",
    ],
)
def test_a_stamped_or_slightly_edited_text_is_a_copy(title: str) -> None:
    assert is_copy(read_text(title, ""), read_text(HEADLINE, ""))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Northlake Bank cuts dividend after loss", "Southridge Bank cuts dividend after loss"),
        ("Quillmere Q3 2025 earnings call transcript", "Nimbrava Q3 2025 earnings call transcript"),
        ("Shares of Quillmere fall 3% at the open", "Shares of Quillmere fall 7% at the open"),
        ("Mortgage rates today, Monday, May 6, 2024", "Mortgage rates today, Tuesday, May 7, 2024"),
        (
            "Quillmere is in merger talks with Nimbrava",
            "Quillmere denies merger talks with Nimbrava",
        ),
        ("招商银行第三季度净利润同比增长", "平安银行第三季度净利润同比增长"),
    ],
)
def test_what_differs_in_the_news_itself_is_no_copy(one: str, other: str) -> None:
    assert not is_copy(read_text(other, ""), read_text(one, ""))


def test_a_chinese_headline_with_a_stamp_is_a_copy() -> None:
    one, other = "快讯：北湖银行暂停提款引发储户排队", "北湖银行暂停提款引发储户排队"

    assert is_copy(read_text(one, ""), read_text(other, ""))


def test_a_burst_of_copies_with_small_edits_is_one_account() -> None:
    edits = ("{}", "UPDATE {n}-{}", "{} - Outlet", "{}!", "{} (Adds details)")
    titles = [edits[n % len(edits)].format(HEADLINE, n=n) for n in range(500)]

    placed = place_all(*titles, apart=timedelta(seconds=1))

    assert [place.copy_of for place in placed] == [None] + ["0"] * 499


def test_a_text_that_comes_back_after_three_days_is_an_account_again() -> None:
    first, copy, again = place_all(HEADLINE, HEADLINE, HEADLINE, apart=timedelta(hours=71))

    assert (first.copy_of, copy.copy_of, again.copy_of) == (None, "0", None)


def test_a_copy_has_the_story_of_its_account() -> None:
    _, second, third = place_all("Fog closes the harbour of Elmport", HEADLINE, HEADLINE)

    assert second.story == "1"
    assert third == Place(copy_of="1", story="1")


def test_two_tellings_of_one_event_are_two_accounts_and_one_story() -> None:
    placed = place_all(HEADLINE, "Run on Northlake Bank: withdrawals halted, depositors wait")

    assert [place.copy_of for place in placed] == [None, None]
    assert {place.story for place in placed} == {"0"}


def test_items_without_words_are_accounts_of_their_own_unless_they_are_the_same() -> None:
    placed = place_all("!!!", "???", "!!!")

    assert placed[0].copy_of is None
    assert placed[2].copy_of is not None


def test_one_item_with_a_wrong_date_makes_nothing_forgotten() -> None:
    placer = Placer()
    for n in range(20):
        placer.place(f"n{n}", AT, f"Item {n} about subject {n * 7919}", "")
    placer.place("a", AT, HEADLINE, "")
    placer.place("wrong", AT + timedelta(days=400), "A date far ahead of all others here", "")

    assert placer.place("b", AT, HEADLINE, "").copy_of == "a"


def test_the_nearest_sums_and_those_asked_for_are_told() -> None:
    sums = VectorSums()
    for key, vector in (("east", (1.0, 0.0)), ("north", (0.0, 1.0)), ("west", (-1.0, 0.0))):
        sums.add(key, vector)
    sums.add("north", (1.0, 0.0))  # north-east now

    assert sums.cosines((1.0, 0.0), ["west", "unknown"], 2) == pytest.approx(
        {"east": 1.0, "north": 0.5**0.5, "west": -1.0, "unknown": 0.0}
    )


def test_a_sum_that_was_let_go_is_no_candidate_and_its_place_is_taken_anew() -> None:
    sums = VectorSums()
    for number in range(600):
        sums.add(str(number), (1.0, 0.0))
        if number >= 2:
            sums.remove(str(number - 2))
    sums.add("other length", (1.0, 0.0, 0.0))

    assert set(sums.cosines((1.0, 0.0), [], 10)) == {"598", "599"}


@pytest.mark.parametrize(
    ("vectors", "stories"),
    [
        (((), ()), ["0", "1"]),
        (((0.0, 1.0), (1.0, 0.0)), ["0", "1"]),
        (((1.0, 0.0), (1.0, 0.0)), ["0", "0"]),
    ],
)
def test_what_the_model_reads_joins_accounts_that_share_few_words(
    vectors: tuple[tuple[float, ...], ...], stories: list[str]
) -> None:
    titles = (
        "Northlake Bank halts withdrawals as depositors queue",
        "Panic at the counters: Northlake freezes all accounts",
    )
    placer = Placer()

    placed = [
        placer.place(str(n), AT + n * timedelta(minutes=5), title, "", vector).story
        for n, (title, vector) in enumerate(zip(titles, vectors, strict=True))
    ]

    assert placed == stories
