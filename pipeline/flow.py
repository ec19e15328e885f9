"""Batches that grow with the backlog, and work on several at once that ends in order.

Knows nothing of Kafka or of news.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Generic, TypeVar

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
    finish: Callable[[list[tuple[T, R]]], Awaitable[None]],
    *,
    at_once: int,
    depth: int,
) -> None:
    """Begin on values ahead of those that are being finished; finish them in order.

    A short one that was begun after a long one waits for it, and the hands that are free take the
    next value meanwhile. What is ready when its turn comes is finished together.

    Args:
        values: A new one is taken only while fewer than ``at_once`` are being begun on, and fewer
            than ``depth`` are under way.
        begin: Runs for several values at once.
        finish: Gets the next value in order and all after it that are ready too, each with what
            ``begin`` returned; is called again only when it has returned.
        at_once: Most values that ``begin`` works on, >= 1.
        depth: Most values begun and not finished, >= ``at_once``.

    Returns when the last value is finished. Where ``begin`` raises, what came before that value is
    finished first; what ``finish`` raises, or reading the values, ends the others at once.
    """
    flow = _Flow(begin, finish, asyncio.Semaphore(at_once), asyncio.Semaphore(depth))
    try:
        await _together(flow.begin_all(values), flow.put_in_order(), flow.finish_all())
    finally:
        await flow.cancel()


@dataclass(frozen=True, slots=True)
class _Flow(Generic[T, R]):
    """What ``overlap`` keeps: values that were begun, and those whose turn has come.

    Attributes:
        hands: Free places to begin on a value.
        room: Free places for values under way.
        begun: In order; None after the last.
        ready: The same, as far as they are done or have failed.
    """

    begin: Callable[[T], Awaitable[R]]
    finish: Callable[[list[tuple[T, R]]], Awaitable[None]]
    hands: asyncio.Semaphore
    room: asyncio.Semaphore
    begun: asyncio.Queue[tuple[T, asyncio.Future[R]] | None] = field(default_factory=asyncio.Queue)
    ready: asyncio.Queue[tuple[T, asyncio.Future[R]] | None] = field(default_factory=asyncio.Queue)

    async def begin_all(self, values: AsyncIterable[T]) -> None:
        await self._place()
        async for value in values:
            self.begun.put_nowait((value, asyncio.ensure_future(self._begin(value))))
            await self._place()
        self.begun.put_nowait(None)

    async def _place(self) -> None:
        await self.room.acquire()
        await self.hands.acquire()

    async def _begin(self, value: T) -> R:
        try:
            return await self.begin(value)
        finally:
            self.hands.release()

    async def put_in_order(self) -> None:
        while (one := await self.begun.get()) is not None:
            with suppress(Exception):  # finish_all raises it, when it has come this far
                await one[1]
            self.ready.put_nowait(one)
        self.ready.put_nowait(None)

    async def finish_all(self) -> None:
        while True:
            taken = [await self.ready.get(), *_drained(self.ready)]
            done = [pair for pair in takewhile(_has_result, taken) if pair]
            if done:
                await self.finish([(value, result.result()) for value, result in done])
            for _ in done:
                self.room.release()
            if len(done) < len(taken):
                last = taken[len(done)]
                if last is None:
                    return
                last[1].result()  # raises

    async def cancel(self) -> None:
        left = [pair[1] for pair in _drained(self.begun) if pair]
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


def _has_result(pair: tuple[T, asyncio.Future[R]] | None) -> bool:
    return pair is not None and pair[1].exception() is None


def _drained(queue: asyncio.Queue[T]) -> list[T]:
    return [queue.get_nowait() for _ in range(queue.qsize())]
