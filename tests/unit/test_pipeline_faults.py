"""What sources do wrong, and what detection makes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.rows import ItemRow
from pipeline.backtest.memory_archive import MemoryArchive
from pipeline.backtest.run import alerts_of, backtest
from pipeline.rules import load_rules
from tests.unit.invented_news import CRISIS, JET, NEUTRAL, QUIET, item


def fired(rows: list[ItemRow]) -> list[tuple[str, timedelta]]:
    """Return the series and the time after the crisis began, for each alert."""
    rows = sorted([*QUIET, *rows], key=lambda row: row.published_at)
    changes = backtest(MemoryArchive(rows), load_rules(), until=CRISIS + timedelta(days=2))
    return [(alert.scope.id, alert.last.fired_at - CRISIS) for alert in alerts_of(changes)]


def shifted(row: ItemRow, hours: float) -> ItemRow:
    return replace(row, published_at=row.published_at + timedelta(hours=hours))


def test_fifty_thousand_copies_of_one_text_are_one_account_and_no_alert() -> None:
    copies = [item(n / 500, JET, source=f"portal {n}", text="the same text") for n in range(50_000)]

    assert fired(copies) == []
    [hour] = MemoryArchive(copies).hours([_JET], since=CRISIS, until=_LATER)[_JET]
    assert hour.accounts == hour.negative == 1


def test_two_more_voices_on_a_text_of_many_copies_are_an_alert() -> None:
    copies = [item(n / 10, JET, source=f"portal {n}", text="the same text") for n in range(500)]
    voices = [item(70, JET, source="daily"), item(80, JET, source="weekly")]

    assert fired([*copies, *voices]) == [("x:jet", timedelta(minutes=80))]


def test_twenty_pieces_of_one_outlet_in_an_hour_raise_nothing() -> None:
    assert fired([item(3 * n, JET, source="tabloid") for n in range(20)]) == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_sources_whose_clocks_are_an_hour_apart_still_tell_of_one_crisis(hours: float) -> None:
    right = [item(20 * n, JET, source="right") for n in range(6)]
    wrong = [shifted(item(20 * n + 5, JET, source="wrong"), hours) for n in range(6)]

    [(series, after)] = fired([*right, *wrong])

    assert series == "x:jet"
    assert after <= timedelta(hours=1 + max(hours, 0))


def test_clocks_an_hour_apart_make_no_crisis_of_usual_news() -> None:
    usual = [
        shifted(item(300 * n, JET, source=f"source {n % 3}", tone=NEUTRAL), n % 3 - 1)
        for n in range(10)
    ]
    usual += [
        shifted(item(400 * n + 9, JET, source=f"source {n % 3}"), n % 3 - 1) for n in range(4)
    ]

    assert fired(usual) == []


@pytest.mark.parametrize("restamped", [False, True])
def test_a_source_that_sends_its_last_week_again_raises_nothing(restamped: bool) -> None:
    week = [item(-24 * 60 * 7 + 400 * n, JET, source="wire", text=f"text {n}") for n in range(25)]
    again = [
        replace(row, id=f"{row.id} again", published_at=CRISIS + timedelta(minutes=n))
        if restamped
        else replace(row, id=f"{row.id} again")
        for n, row in enumerate(week)
    ]

    before = fired(week)

    assert fired([*week, *again]) == before


_LATER = CRISIS + timedelta(hours=12)
_JET = MemoryArchive([item(0, JET)]).series(kinds=load_rules().kinds)[0]
