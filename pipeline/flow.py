"""Batches that grow with the backlog, and work on several at once that ends in order.

Knows nothing of Kafka or of news.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def batches(
    values: AsyncIterable[T], *, max_items: int, max_wait_s: float
) -> AsyncGenerator[list[T], None]:
    """Yield what has come since the last batch was taken: much after a delay, little without.

    Args:
        values: Is read ahead of the consumer by one batch at most.
        max_items: Most values in one batch, >= 1.
        max_wait_s: How long a batch that is not full waits for more from its first value on.

    Yields:
        Batches of at least one value, in order.
    """
    waiting: asyncio.Queue[T] = asyncio.Queue(max_items)

    async def read() -> None:
        async for value in values:
            await waiting.put(value)

    reading = asyncio.create_task(read())
    try:
        while batch := await _taken(waiting, reading, None):
            due = time.monotonic() + max_wait_s
            while len(batch) < max_items:
                more = await _taken(waiting, reading, max(due - time.monotonic(), 0))
                if not more:
                    break
                batch += more
            yield batch
        await reading  # raises what ended it
    finally:
        reading.cancel()


async def _taken(
    waiting: asyncio.Queue[T], reading: asyncio.Task[None], wait_s: float | None
) -> list[T]:
    """Return the next value alone; nothing when none comes in time, or ever again."""
    if waiting.empty():
        if wait_s == 0:
            return []
        taking = asyncio.ensure_future(waiting.get())
        await asyncio.wait([taking, reading], timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if taking.done():
            return [taking.result()]
        taking.cancel()
        return []
    return [waiting.get_nowait()]


async def overlap(
    values: AsyncIterable[T],
    begin: Callable[[T], Awaitable[R]],
    finish: Callable[[T, R], Awaitable[None]],
    *,
    depth: int,
) -> None:
    """Begin on values ahead of the one that is being finished; finish them in order.

    Args:
        values: A new one is taken only while fewer than ``depth`` are under way.
        begin: May run for several values at once.
        finish: Gets a value with what ``begin`` returned; one after the other.
        depth: Most values begun and not finished, >= 1.

    Returns when the last value is finished. What either function raises ends the others.
    """
    begun: asyncio.Queue[tuple[T, asyncio.Future[R]] | None] = asyncio.Queue()
    room = asyncio.Semaphore(depth)

    async def finish_all() -> None:
        while (one := await begun.get()) is not None:
            value, result = one
            await finish(value, await result)
            room.release()

    async def begin_all() -> None:
        await room.acquire()
        async for value in values:
            begun.put_nowait((value, asyncio.ensure_future(begin(value))))
            await room.acquire()
        begun.put_nowait(None)

    try:
        await _together(begin_all(), finish_all())
    finally:
        left = [pair[1] for pair in _drained(begun) if pair]
        for result in left:
            result.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _together(*works: Coroutine[None, None, None]) -> None:
    """Run all to their ends; what one raises ends the others and comes out."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _drained(queue: asyncio.Queue[T]) -> list[T]:
    return [queue.get_nowait() for _ in range(queue.qsize())]
