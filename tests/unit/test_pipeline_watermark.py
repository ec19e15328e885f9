from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from db.rows import Progress
from pipeline.stages.watermark import LIVE, heard_until, watermark

NOON = datetime(2023, 3, 9, 12, tzinfo=UTC)
LATE = timedelta(minutes=2)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def stored(partition: int, next_offset: int, minutes: float | None) -> Progress:
    event_at = None if minutes is None else at(minutes)
    return Progress("news.raw.v1", partition, next_offset, event_at)


def mark(
    progress: list[Progress], ends: Mapping[int, int], *, idle: bool = False
) -> datetime | None:
    by_partition = {row.partition: row for row in progress}
    return watermark(by_partition, ends, lateness=LATE, idle=idle)


def test_there_is_no_watermark_before_the_first_item() -> None:
    assert mark([], {0: 0, 1: 0}, idle=True) is None


def test_there_is_no_watermark_while_a_waiting_partition_has_stored_nothing() -> None:
    assert mark([stored(0, 5, 10)], {0: 5, 1: 3}) is None


def test_a_waiting_partition_that_held_only_bad_messages_gives_no_watermark() -> None:
    assert mark([stored(0, 5, 10), stored(1, 2, None)], {0: 5, 1: 3}) is None


def test_the_slowest_waiting_partition_decides_less_the_lateness() -> None:
    progress = [stored(0, 5, 30), stored(1, 2, 20), stored(2, 9, 10)]

    assert mark(progress, {0: 6, 1: 3, 2: 9}) == at(20) - LATE


def test_a_partition_without_work_holds_nobody_up() -> None:
    assert mark([stored(0, 5, 600), stored(1, 2, 0)], {0: 6, 1: 2}) == at(600) - LATE


def test_an_idle_stream_is_complete_up_to_its_newest_item() -> None:
    assert mark([stored(0, 5, 30), stored(1, 3, 50)], {0: 5, 1: 3}, idle=True) == at(50)


def test_without_lag_the_lateness_counts_until_the_stream_is_idle() -> None:
    assert mark([stored(0, 5, 30), stored(1, 3, 50)], {0: 5, 1: 3}) == at(50) - LATE


def test_a_topic_that_was_made_anew_does_not_stop_the_watermark() -> None:
    assert mark([stored(0, 500, 30)], {0: 0}, idle=True) == at(30)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(0, 99)),
        max_size=5,
    ),
    idle=st.booleans(),
)
def test_the_watermark_never_passes_a_partition_that_waits(
    rows: list[tuple[int, int, int | None]], idle: bool
) -> None:
    progress = [stored(p, offset, event) for p, (offset, _, event) in enumerate(rows)]
    ends = {p: end for p, (_, end, _) in enumerate(rows)}

    found = mark(progress, ends, idle=idle)

    if found is not None:
        assert all(
            row.event_at is not None and found <= row.event_at
            for row in progress
            if row.next_offset < ends[row.partition]
        )


def heard(progress: list[Progress], ends: Mapping[int, int], *, now: datetime) -> datetime | None:
    by_partition = {row.partition: row for row in progress}
    return heard_until(by_partition, ends, lateness=LATE, now=now)


def test_a_live_stream_is_listened_to_while_nothing_comes() -> None:
    progress = [stored(0, 5, 0)]

    assert heard(progress, {0: 5}, now=at(600)) == at(600) - LATE
    assert heard(progress, {0: 5}, now=at(1)) == at(0), "never before what was heard"


def test_while_messages_wait_no_source_is_silent_for_longer_than_the_watermark_tells() -> None:
    assert heard([stored(0, 5, 0)], {0: 6}, now=at(600)) == at(0) - LATE
    assert heard([stored(0, 5, 0)], {0: 5, 1: 1}, now=at(600)) is None


def test_an_item_dated_ahead_does_not_make_the_others_silent() -> None:
    ahead = [stored(0, 5, 55)]

    assert heard(ahead, {0: 5}, now=at(0)) == at(0)
    assert heard(ahead, {0: 6}, now=at(0)) == at(0)
    assert heard(ahead, {0: 5}, now=at(60)) == at(60) - LATE


def test_an_archive_ends_with_its_last_item() -> None:
    assert heard([stored(0, 5, 0)], {0: 5}, now=NOON + LIVE) == NOON
    assert heard([], {0: 0}, now=NOON) is None
