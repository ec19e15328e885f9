"""Copies and stories: what is one voice, and what is one event."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest

from alerts.accounts.assign import Placer, Telling
from alerts.accounts.copies import is_copy, read_text
from alerts.accounts.stories import StoryIndex
from alerts.accounts.vectors import Vector, VectorSums, pack, unpack

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Place(NamedTuple):
    """What was said of an item."""

    copy_of: str | None
    story: int


def telling(item_id: str, title: str, at: datetime = AT, vector: Sequence[float] = ()) -> Telling:
    return Telling(item_id, at, title, read_text(title, ""), pack(vector))


def put(placer: Placer, number: int, item: Telling) -> Place:
    account = placer.place(item, number=number)
    return Place(None if account.id == item.id else account.id, account.story)


def place_all(*titles: str, apart: timedelta = timedelta(minutes=5)) -> list[Place]:
    placer = Placer()
    return [
        put(placer, n, telling(str(n), title, AT + n * apart)) for n, title in enumerate(titles)
    ]


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
        ("Northlake will pay a dividend this year", "Northlake won't pay a dividend this year"),
        ("Quillmere can meet all its debts in May", "Quillmere cannot meet all its debts in May"),
        ("Shares of Quillmere jump this morning", "Shares of Quillmere jump this evening"),
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

    assert second.story == 1
    assert third == Place(copy_of="1", story=1)


def test_two_tellings_of_one_event_are_two_accounts_and_one_story() -> None:
    placed = place_all(HEADLINE, "Run on Northlake Bank: withdrawals halted, depositors wait")

    assert [place.copy_of for place in placed] == [None, None]
    assert {place.story for place in placed} == {0}


def test_items_without_words_are_accounts_of_their_own_unless_they_are_the_same() -> None:
    placed = place_all("!!!", "???", "!!!")

    assert placed[0].copy_of is None
    assert placed[2].copy_of is not None


def test_one_item_with_a_wrong_date_makes_nothing_forgotten() -> None:
    placer = Placer()
    for n in range(20):
        put(placer, n, telling(f"n{n}", f"Item {n} about subject {n * 7919}"))
    put(placer, 20, telling("a", HEADLINE))
    wrong = AT + timedelta(days=400)
    put(placer, 21, telling("wrong", "A date far ahead of all others here", wrong))

    assert put(placer, 22, telling("b", HEADLINE)).copy_of == "a"


def test_one_item_with_a_wrong_date_keeps_no_story_from_being_forgotten() -> None:
    index = StoryIndex()
    index.join(1, AT + timedelta(days=400), "A date far ahead", now=AT, vector=unpack(b""))
    index.join(2, AT, HEADLINE, now=AT, vector=unpack(b""))

    later = AT + timedelta(hours=73)
    index.join(3, later, "Rates stay as they are", now=later, vector=unpack(b""))

    assert len(index) == 1


def vector(*numbers: float) -> Vector:
    return np.array(numbers, np.float32)


def test_the_nearest_sums_and_those_asked_for_are_told() -> None:
    sums = VectorSums()
    east, north, west, unknown = range(4)
    for key, at in ((east, (1.0, 0.0)), (north, (0.0, 1.0)), (west, (-1.0, 0.0))):
        sums.add(key, vector(*at))
    sums.add(north, vector(1.0, 0.0))  # north-east now

    found = sums.cosines(vector(1.0, 0.0), [west, unknown], 2)

    assert found.pop(unknown) is None
    assert found == pytest.approx({east: 1.0, north: 0.5**0.5, west: -1.0})


def test_a_sum_that_was_let_go_is_no_candidate_and_its_place_is_taken_anew() -> None:
    sums = VectorSums()
    for number in range(600):
        sums.add(number, vector(1.0, 0.0))
        if number >= 2:
            sums.remove(number - 2)
    sums.add(600, vector(1.0, 0.0, 0.0))  # of another model

    assert set(sums.cosines(vector(1.0, 0.0), [], 10)) == {598, 599}


@pytest.mark.parametrize(
    ("vectors", "stories"),
    [
        (((), ()), [0, 1]),
        (((0.0, 1.0), (1.0, 0.0)), [0, 1]),
        (((1.0, 0.0), (1.0, 0.0)), [0, 0]),
        (((), (1.0, 0.0)), [0, 1]),
    ],
)
def test_what_the_model_reads_joins_accounts_that_share_few_words(
    vectors: tuple[tuple[float, ...], ...], stories: list[int]
) -> None:
    titles = (
        "Northlake Bank halts withdrawals as depositors queue",
        "Panic at the counters: Northlake freezes all accounts",
    )
    placer = Placer()

    placed = [
        put(placer, n, telling(str(n), title, AT + n * timedelta(minutes=5), vector)).story
        for n, (title, vector) in enumerate(zip(titles, vectors, strict=True))
    ]

    assert placed == stories


def test_two_tellings_by_words_are_one_story_where_the_earlier_has_no_vector() -> None:
    placer = Placer()
    other = "Run on Northlake Bank: withdrawals halted, depositors wait"

    put(placer, 0, telling("a", HEADLINE))

    assert put(placer, 1, telling("b", other, vector=(1.0, 0.0))).story == 0


_WORDS = [
    "bank",
    "fire",
    "loss",
    "rates",
    "merger",
    "strike",
    "Northlake",
    "Elmport",
    "Quillmere",
    "falls",
    "rises",
    "probes",
]


def news(rng: random.Random, count: int) -> list[Telling]:
    """Return headlines of few words, some with vectors, over more than 72 hours."""
    items = []
    for number in range(count):
        at = AT + number * timedelta(hours=160 / count) - timedelta(hours=rng.random() * 5)
        title = " ".join(rng.choices(_WORDS, k=5)) + f" {number % 7}"
        vector = [rng.gauss(0, 1), rng.gauss(0, 1), 1.0] if rng.random() < 0.7 else []
        length = sum(each * each for each in vector) ** 0.5
        items.append(telling(str(number), title, at, [each / length for each in vector]))
    return items


@pytest.mark.parametrize("seed", range(3))
def test_who_was_told_of_accounts_goes_on_as_who_placed_them(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    one, other = Placer(), Placer()
    items = news(rng, 400)

    stories = []
    for number, item in enumerate(items):
        first, second = (one, other) if rng.random() < 0.5 else (other, one)
        account = first.place(item, number=number)
        if account.id == item.id:
            second.add(item, story=account.story)
        stories.append(account.story)

    alone = Placer()
    assert stories == [alone.place(item, number=n).story for n, item in enumerate(items)]
    assert len(set(stories)) < len(stories) / 2
