"""Near copies among items that come one by one: the same answer as the database's."""

from dataclasses import replace
from datetime import timedelta

from pipeline.stages.archive import MemoryArchive, copies_in_order
from tests.integration.samples import MARKET, NOON, item

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

    assert copies_in_order([first, near, exact, other]) == {"b": "a", "c": "a"}


def test_a_near_copy_after_72_hours_is_an_account() -> None:
    first = replace(item("a"), title=STORY)
    late = replace(item("b", at=NOON + timedelta(hours=73)), title=f"UPDATE 1-{STORY}")

    assert copies_in_order([first, late]) == {}


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
