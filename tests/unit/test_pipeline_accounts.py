"""Copies and stories among items that come one by one: the same answer as the database's."""

from dataclasses import replace
from datetime import timedelta

import db.copies
from alerts.accounts import copy_index
from alerts.accounts.vectors import pack
from db.rows import MARKET
from pipeline.backtest.memory_archive import MemoryArchive, places_in_order
from tests.integration.samples import NOON, item

STORY = "Northwind falls after a collapse of its loan book in the north"


def test_a_text_that_is_nearly_the_same_is_a_copy_and_its_own_copies_have_the_same_account() -> (
    None
):
    first = replace(item("a"), title=STORY)
    near = replace(item("b", at=NOON + timedelta(hours=1)), title=f"UPDATE 1-{STORY}")
    exact = replace(
        item("c", at=NOON + timedelta(hours=2), text_hash=near.text_hash), title=near.title
    )
    other = replace(item("d"), title="Rates stay as they are, the central bank says")

    places = places_in_order([first, near, exact, other])

    assert places.copies == {"b": "a", "c": "a"}
    assert places.stories["a"] == places.stories["b"] == places.stories["c"]
    assert places.stories["d"] != places.stories["a"]


def test_exact_and_near_copies_are_told_within_the_same_time() -> None:
    assert db.copies.COPY_WINDOW == copy_index.COPY_WINDOW


def test_a_near_copy_after_72_hours_is_an_account() -> None:
    first = replace(item("a"), title=STORY)
    late = replace(item("b", at=NOON + timedelta(hours=73)), title=f"UPDATE 1-{STORY}")

    assert places_in_order([first, late]).copies == {}


def test_a_near_copy_is_no_account_in_a_backtest() -> None:
    rows = [
        replace(
            item(f"id{n}", at=NOON + timedelta(minutes=n)), title=f"{'UPDATE 1-' * (n > 0)}{STORY}"
        )
        for n in range(3)
    ]

    archive = MemoryArchive(rows)

    mentions = archive.mentions(
        [MARKET], since=NOON - timedelta(hours=1), until=NOON + timedelta(hours=1)
    )
    assert [mention.copy_of for mention in mentions[MARKET]] == [None, "id0", "id0"]
    assert len({mention.tells for mention in mentions[MARKET]}) == 1


def test_tellings_with_vectors_alike_are_one_story_and_without_any_two() -> None:
    titles = (
        "Northwind Bank halts withdrawals as depositors queue",
        "Panic at the counters: Northwind freezes all accounts",
    )
    plain = [replace(item(f"id{n}"), title=title) for n, title in enumerate(titles)]
    alike = [replace(row, story_vector=pack((0.6, 0.8))) for row in plain]

    assert len(set(places_in_order(plain).stories.values())) == 2
    assert len(set(places_in_order(alike).stories.values())) == 1
