"""What all news together says of the time before a cell."""

from datetime import UTC, datetime, timedelta

import pytest

from db.rows import ItemRow
from pipeline.backtest.memory_archive import MemoryArchive
from pipeline.stages.cells import LONGEST_SILENCE, Market
from tests.integration.samples import NEUTRAL, item

START = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def news(first: datetime, until: datetime, every: timedelta) -> list[ItemRow]:
    count = (until - first) // every
    return [item(f"{first} {n}", at=first + n * every, tone=NEUTRAL) for n in range(count)]


@pytest.mark.parametrize("days", [3, 20, 35])
def test_the_beginning_of_an_archive_is_seen_beyond_what_baselines_look_at(days: int) -> None:
    first = START - timedelta(days=days)

    market = Market.before(START, MemoryArchive(news(first, START, 2 * HOUR)))

    assert market.watched_since == first


def test_what_comes_before_a_long_gap_is_not_the_beginning() -> None:
    first = START - timedelta(days=10)
    old = news(first - 2 * LONGEST_SILENCE, first - LONGEST_SILENCE - HOUR, 5 * HOUR)

    market = Market.before(START, MemoryArchive([*old, *news(first, START, HOUR)]))

    assert market.watched_since == first
