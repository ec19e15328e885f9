"""Batches lose nothing and grow with the backlog; work overlaps and ends in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.flow import batches, overlap


async def each(values: Sequence[int]) -> AsyncIterator[int]:
    for value in values:
        yield value


@settings(deadline=None, max_examples=40)
@given(count=st.integers(0, 40), max_items=st.integers(1, 9))
def test_batches_keep_every_value_in_order_and_the_limit(count: int, max_items: int) -> None:
    async def run() -> list[list[int]]:
        taken = batches(each(range(count)), max_items=max_items, max_wait_s=0.05)
        return [batch async for batch in taken]

    found = asyncio.run(run())

    assert [value for batch in found for value in batch] == list(range(count))
    assert all(1 <= len(batch) <= max_items for batch in found)


async def test_a_batch_waits_no_longer_than_allowed_for_more() -> None:
    never = asyncio.Event()

    async def one_and_no_more() -> AsyncIterator[int]:
        yield 1
        await never.wait()

    taken = batches(one_and_no_more(), max_items=10, max_wait_s=0.01)

    assert await asyncio.wait_for(anext(taken), 5) == [1]
    await taken.aclose()


async def test_a_batch_takes_all_that_came_while_the_last_one_was_dealt_with() -> None:
    taken = batches(each(range(9)), max_items=8, max_wait_s=0.01)

    first = await anext(taken)
    await asyncio.sleep(0)  # the reader goes on
    second = await anext(taken)

    assert [*first, *second] == list(range(9))
    await taken.aclose()


async def test_what_ends_the_values_comes_out_after_what_was_read() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    taken = batches(broken(), max_items=1, max_wait_s=0.01)

    assert await anext(taken) == [1]
    with pytest.raises(OSError, match="gone"):
        await anext(taken)


async def test_later_values_are_begun_while_others_are_finished_but_not_too_many() -> None:
    begun: list[int] = []
    finished: list[tuple[int, int]] = []
    begun_on = most_begun_on = most_ahead = 0

    async def begin(value: int) -> int:
        nonlocal begun_on, most_begun_on, most_ahead
        begun.append(value)
        begun_on += 1
        most_begun_on = max(most_begun_on, begun_on)
        most_ahead = max(most_ahead, len(begun) - len(finished))
        await asyncio.sleep(0.002 * (value % 3))  # they do not end in order by themselves
        begun_on -= 1
        return value * 10

    async def finish(pairs: Sequence[tuple[int, int]]) -> None:
        await asyncio.sleep(0.02)
        finished.extend(pairs)

    await overlap(each(range(20)), begin, finish, at_once=2, depth=5)

    assert finished == [(value, value * 10) for value in range(20)]
    assert most_begun_on == 2
    assert most_ahead == 5


async def test_what_waited_for_a_long_one_is_finished_together_with_it() -> None:
    others = asyncio.Event()
    finished: list[list[int]] = []

    async def begin(value: int) -> None:
        if value == 0:
            await others.wait()
        if value == 3:
            others.set()

    async def finish(pairs: Sequence[tuple[int, None]]) -> None:
        finished.append([value for value, _ in pairs])

    await asyncio.wait_for(overlap(each(range(4)), begin, finish, at_once=2, depth=4), 5)

    assert finished == [[0, 1, 2, 3]]


@pytest.mark.parametrize("where", ["begin", "finish", "values"])
async def test_a_failure_anywhere_comes_out_and_leaves_nothing_running(where: str) -> None:
    running = asyncio.all_tasks()

    async def values() -> AsyncIterator[int]:
        for value in range(100):
            if where == "values" and value == 5:
                raise OSError(where)
            yield value

    async def begin(value: int) -> int:
        if where == "begin" and value == 5:
            raise OSError(where)
        return value

    async def finish(pairs: Sequence[tuple[int, int]]) -> None:
        if where == "finish" and any(value >= 5 for value, _ in pairs):
            raise OSError(where)

    with pytest.raises(OSError, match=where):
        await asyncio.wait_for(overlap(values(), begin, finish, at_once=2, depth=3), 5)

    assert asyncio.all_tasks() == running


async def test_what_came_before_a_failed_one_is_finished() -> None:
    finished: list[int] = []

    async def begin(value: int) -> int:
        if value == 4:
            raise OSError("begin")
        return value

    async def finish(pairs: Sequence[tuple[int, int]]) -> None:
        await asyncio.sleep(0.05)
        finished.extend(value for value, _ in pairs)

    with pytest.raises(OSError, match="begin"):
        await asyncio.wait_for(overlap(each(range(9)), begin, finish, at_once=2, depth=8), 5)

    assert finished == [0, 1, 2, 3]
