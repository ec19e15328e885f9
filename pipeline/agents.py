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
from pipeline.stages.classify import Analysed, EntityFinder, analyse, scored
from pipeline.stages.parse import Message, Rejected, parse
from pipeline.stages.store import progress_of, store_batch

if TYPE_CHECKING:
    from faust.types import EventT, StreamT

    from db.engine import Engine
    from models.labels import Classifier
    from pipeline.messages import Limits
    from pipeline.settings import Settings

T = TypeVar("T")
Headers = Sequence[tuple[str, bytes]]
# Topic, key, value, headers: hands one message to the client; awaiting what it returns waits
# until the broker has it.
Sender = Callable[[str, bytes | None, bytes | None, Headers], Awaitable[Awaitable[object]]]
log = structlog.stdlib.get_logger(__name__)

# One odd message alone in its batch may be the message's fault; three in a row are ours.
_MAX_LONE_REFUSALS = 3
# Leaves room for headers below the topic's max.message.bytes.
_MAX_DEAD_LETTER_BYTES = 1_900_000


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the agent works with."""

    settings: Settings
    engine: Engine
    classifier: Classifier
    finder: EntityFinder
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
        analysed, broken = await self._in_thread(
            partial(analyse, parsed, classifier=needs.classifier, finder=needs.finder)
        )
        # 3. Items, trends and progress in one transaction; waits while the database is away.
        progress = progress_of(messages, parsed)
        stored, refused = await persist(
            lambda: self._in_thread(partial(store_batch, needs.engine, analysed, progress)),
            outage=self._database,
            is_away=is_away,
            stopping=self.stopping,
        )
        # 4. Dead letters and results, confirmed by the broker.
        self._judge(stored, [*broken, *refused])
        await self._dead_letter([*broken, *refused])
        await self._publish(stored)
        ITEMS.inc(len(stored))
        BATCH_SECONDS.observe(time.monotonic() - started)

    def close(self) -> None:
        """Let go of the thread; does not wait for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _judge(self, stored: Sequence[Analysed], refused: Sequence[Rejected]) -> None:
        if stored:
            self._lone_refusals = 0
        elif refused:
            self._lone_refusals += 1
        if self._lone_refusals >= _MAX_LONE_REFUSALS:
            raise TooManyRefused(
                f"{self._lone_refusals} batches in a row, last: {refused[-1].detail}"
            )

    async def _dead_letter(self, rejected: Sequence[Rejected]) -> None:
        topic = self.needs.settings.kafka.dead_letter_topic
        await self._confirmed([(topic, *_dead_letter(one)) for one in rejected])
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
            [(topic, one.row.text_hash.encode(), scored(one.row).to_bytes(), []) for one in stored]
        )

    async def _confirmed(
        self, messages: Sequence[tuple[str, bytes | None, bytes | None, Headers]]
    ) -> None:
        """Send messages and wait until the broker has them all; again while it is away."""
        if not messages:
            return

        async def attempt() -> None:
            pending = [await self.send(*message) for message in messages]
            for outcome in await asyncio.gather(*pending, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

        await persist(
            attempt,
            outage=self._broker,
            is_away=lambda error: isinstance(error, KafkaError | ProducerSendError | OSError),
            stopping=self.stopping,
        )

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


def _dead_letter(
    one: Rejected,
) -> tuple[bytes | None, bytes | None, Headers]:
    """Return key, value and headers: the message as it came, and why and whence."""
    message = one.message
    value = message.value
    headers = list(message.headers)
    headers += [
        ("tapewatch-reason", one.reason.value.encode()),
        ("tapewatch-detail", one.detail.encode(errors="replace")),
        ("tapewatch-topic", message.topic.encode()),
        ("tapewatch-partition", str(message.partition).encode()),
        ("tapewatch-offset", str(message.offset).encode()),
    ]
    if value is not None and len(value) > _MAX_DEAD_LETTER_BYTES:
        headers.append(("tapewatch-truncated-from", str(len(value)).encode()))
        value = value[:_MAX_DEAD_LETTER_BYTES]
    return message.key, value, headers
