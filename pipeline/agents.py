"""What happens to a batch of the raw topic, and in which order. The work itself: stages/."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from db.engine import is_away
from pipeline.backoff import Outage, Stopping, persist
from pipeline.metrics import BATCH_SECONDS, DEAD_LETTERS, ITEMS
from pipeline.outbound import Headers, Outbound, dead_letter, is_too_large
from pipeline.runtime import build_floors
from pipeline.stages.classify import Analysed, analyse, scored
from pipeline.stages.parse import Message, Rejected, parse
from pipeline.stages.store import progress_of, store_batch

if TYPE_CHECKING:
    from faust.types import EventT, StreamT

    from db.engine import Engine
    from models.entities.linking import Finder
    from models.labels import Classifier
    from pipeline.messages import Limits
    from pipeline.settings import Settings

T = TypeVar("T")
# Topic, key, value, headers: hands one message to the client; awaiting what it returns waits
# until the broker has it.
Sender = Callable[[str, bytes | None, bytes | None, Headers], Awaitable[Awaitable[object]]]
log = structlog.stdlib.get_logger(__name__)

# One odd message alone in its batch may be the message's fault; three in a row are ours.
_MAX_LONE_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the agent works with."""

    settings: Settings
    engine: Engine
    classifier: Classifier
    finder: Finder
    limits: Limits


class TooManyRefused(Exception):
    """Message after message was refused: the fault is not theirs."""


@dataclass(slots=True)
class NewsAgent:
    """Classifies and stores news items, at least once.

    Attributes:
        needs: What it works with.
        send: Produces one message.
        stopping: Set when the process is to stop.
        failure: What ended the agent for good; the worker looks at it.
        done: No more batches will be dealt with.
    """

    needs: Dependencies
    send: Sender
    stopping: asyncio.Event
    failure: BaseException | None = None
    done: bool = False
    _database: Outage = field(default_factory=lambda: Outage("database"))
    _broker: Outage = field(default_factory=lambda: Outage("broker, when producing"))
    # The classifier takes all cores anyway; one thread keeps the batches in order.
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="batch")
    )
    _lone_refusals: int = 0

    async def run(self, stream: StreamT[Any]) -> None:
        """Deal with batches until the stream ends or the process is to stop.

        Offsets move only after the commit: ``Stream.take`` would acknowledge in a ``finally``
        block and so lose the batch whose body raised. An exception must not leave this
        function either: Faust would restart it, and nothing more would arrive.
        """
        batch = self.needs.settings.worker
        try:
            # Faust's interface does not list this method of its one implementation.
            batches = stream.noack_take(batch.max_items, within=batch.max_wait_s)  # type: ignore[attr-defined]
            async for events in batches:
                await self.handle([_message(event) for event in events])
                for event in events:
                    await stream.ack(event)
        except Stopping:
            log.info("batch_abandoned", why="stopping while something was away")
        except Exception as error:  # the outermost edge: the worker ends on it
            log.exception("agent_failed")
            self.failure = error
        finally:
            self.done = True

    async def handle(self, messages: Sequence[Message]) -> None:
        """Deal with one batch; when this returns, its offsets may be committed.

        Raises Stopping if the process is to stop while something is away. Raises TooManyRefused if
        it is not the messages' fault.
        """
        started = time.monotonic()
        needs = self.needs
        # 1. Parse. What cannot be read is confirmed as a dead letter before anything moves on.
        parsed, unreadable = await self._in_thread(
            partial(parse, messages, now=datetime.now(UTC), limits=needs.limits)
        )
        await self._dead_letter(unreadable)
        # 2. Classify, like all work off the event loop.
        floors = build_floors(needs.settings)
        work = partial(analyse, classifier=needs.classifier, finder=needs.finder, floors=floors)
        analysed, broken = await self._in_thread(partial(work, parsed))
        # 3. Items, trends and progress in one transaction; waits while the database is away.
        progress = progress_of(messages, parsed)
        stored, refused = await persist(
            lambda: self._in_thread(partial(store_batch, needs.engine, analysed, progress)),
            outage=self._database,
            is_away=is_away,
            stopping=self.stopping,
        )
        # 4. Dead letters and results, confirmed by the broker.
        self._judge(len(analysed) - len(refused), [*broken, *refused])
        await self._dead_letter([*broken, *refused])
        await self._publish(stored)
        ITEMS.inc(len(stored))
        BATCH_SECONDS.observe(time.monotonic() - started)

    def close(self) -> None:
        """Let go of the thread; does not wait for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _judge(self, taken: int, refused: Sequence[Rejected]) -> None:
        if taken:
            self._lone_refusals = 0
        elif refused:
            self._lone_refusals += 1
        if self._lone_refusals >= _MAX_LONE_REFUSALS:
            raise TooManyRefused(
                f"{self._lone_refusals} batches in a row, last: {refused[-1].detail}"
            )

    async def _dead_letter(self, rejected: Sequence[Rejected]) -> None:
        topic = self.needs.settings.kafka.dead_letter_topic
        await self._confirmed([dead_letter(topic, one) for one in rejected])
        for one in rejected:
            DEAD_LETTERS.labels(one.reason.value).inc()
            log.info(
                "dead_letter",
                reason=one.reason.value,
                detail=one.detail,
                topic=one.message.topic,
                partition=one.message.partition,
                offset=one.message.offset,
            )

    async def _publish(self, stored: Sequence[Analysed]) -> None:
        topic = self.needs.settings.kafka.scored_topic
        await self._confirmed(
            [
                Outbound(topic, one.row.text_hash.encode(), scored(one.row).to_bytes())
                for one in stored
            ]
        )

    async def _confirmed(self, messages: Sequence[Outbound]) -> None:
        """Send messages and wait until the broker has them all; again while it is away.

        One that is too large would be refused for ever: its stub goes instead, if it has one.
        """
        left = list(messages)

        async def attempt() -> None:
            while left:
                outcomes = await self._send(left)
                failed = [
                    (one, outcome)
                    for one, outcome in zip(left, outcomes, strict=True)
                    if isinstance(outcome, BaseException)
                ]
                left[:] = [kept for one, error in failed if (kept := _again(one, error))]
                for _, error in failed:
                    if not is_too_large(error):
                        raise error

        await persist(
            attempt,
            outage=self._broker,
            is_away=lambda error: isinstance(error, KafkaError | ProducerSendError | OSError),
            stopping=self.stopping,
        )

    async def _send(self, messages: Sequence[Outbound]) -> list[object]:
        """Hand over all messages, in their order, then return what came of each."""
        pending = [await self._hand_over(one) for one in messages]
        return await asyncio.gather(*pending, return_exceptions=True)

    async def _hand_over(self, one: Outbound) -> Awaitable[object]:
        try:
            return await self.send(one.topic, one.key, one.value, one.headers)
        except (KafkaError, ProducerSendError) as error:
            if not is_too_large(error):
                raise
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _message(event: EventT[Any]) -> Message:
    raw = event.message
    headers: Any = raw.headers or ()  # a mapping or pairs, as the client gives them
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Message(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=tuple((name, value or b"") for name, value in pairs),
    )


def _again(one: Outbound, error: BaseException) -> Outbound | None:
    """Return what to send after a failure, None where nothing can get through."""
    if not is_too_large(error):
        return one
    log.error("too_large_for_broker", topic=one.topic, stub=one.stub is not None)
    return one.stub
