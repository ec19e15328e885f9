"""What happens to a batch of the raw topic, and in which order. The work itself: stages/."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from db.engine import is_away
from pipeline.backoff import Outage, Stopping, persist
from pipeline.flow import batches, overlap
from pipeline.metrics import BATCH_SECONDS, DEAD_LETTERS, ITEMS, LateItems
from pipeline.outbound import Outbound, dead_letter
from pipeline.producing import Producing, Sender
from pipeline.runtime import build_floors
from pipeline.stages.accounts import SharedAccounts
from pipeline.stages.classify import Analysed, analyse, scored
from pipeline.stages.newcomers import Newcomers
from pipeline.stages.parse import Message, Rejected, parse
from pipeline.stages.store import progress_of, store_batch

if TYPE_CHECKING:
    from faust.types import EventT, StreamT

    from db.engine import Engine
    from db.rows import Progress
    from models.entities.linking import Finder
    from models.labels import Classifier
    from pipeline.messages import Limits
    from pipeline.settings import Settings
    from pipeline.stages.reuse import Earlier

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)

# While one batch is in the model, the words of another are read.
_ANALYSED_AT_ONCE = 2
# A short batch that waits for a long one before it must not keep the next from being begun.
_UNDER_WAY = 8


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the agent works with.

    Attributes:
        earlier: Gives copies the analysis of what they repeat; None: all are classified.
    """

    settings: Settings
    engine: Engine
    classifier: Classifier
    finder: Finder
    limits: Limits
    accounts: SharedAccounts = field(default_factory=SharedAccounts)
    earlier: Earlier | None = None
    newcomers: Newcomers = field(default_factory=Newcomers)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What became of one batch before it is stored.

    Attributes:
        started: When its work began, by the monotonic clock.
        unreadable: Messages that hold no item.
        broken: Items that the classifier refuses.
    """

    started: float
    unreadable: Sequence[Rejected]
    analysed: Sequence[Analysed]
    broken: Sequence[Rejected]
    progress: Sequence[Progress]


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
    _analysing: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_ANALYSED_AT_ONCE, thread_name_prefix="analyse")
    )
    _storing: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="store")
    )
    _late: LateItems = field(init=False)
    _producing: Producing = field(init=False)

    def __post_init__(self) -> None:
        """Take what counts as late from the settings."""
        self._producing = Producing(self.send, self.stopping)
        detect = self.needs.settings.detect
        self._late = LateItems(
            lateness=timedelta(seconds=detect.lateness_s),
            max_late=timedelta(seconds=detect.max_late_s),
        )

    async def run(self, stream: StreamT[Any]) -> None:
        """Deal with batches until the stream ends or the process is to stop.

        Later batches are classified while an earlier one is stored. Offsets move only after the
        commit, in order: ``Stream.take`` would acknowledge in a ``finally`` block and so lose the
        batch whose body raised. An exception must not leave this function either: Faust would
        restart it, and nothing more would arrive.
        """
        worker = self.needs.settings.worker

        async def begin(events: list[EventT[Any]]) -> _Batch:
            return await self.analyse([_message(event) for event in events])

        async def finish(ready: list[tuple[list[EventT[Any]], _Batch]]) -> None:
            await self.complete([batch for _, batch in ready])
            for events, _ in ready:
                for event in events:
                    await stream.ack(event)

        # Faust's interface does not list this method of its one implementation.
        events = stream.noack().events()  # type: ignore[attr-defined]
        taken = batches(events, max_items=worker.max_items, max_wait_s=worker.max_wait_s)
        try:
            await overlap(taken, begin, finish, at_once=_ANALYSED_AT_ONCE, depth=_UNDER_WAY)
        except Stopping:
            log.info("batch_abandoned", why="stopping while something was away")
        except Exception as error:  # the outermost edge: the worker ends on it
            log.exception("agent_failed")
            self.failure = error
        finally:
            self.done = True

    async def analyse(self, messages: Sequence[Message]) -> _Batch:
        """Parse and classify a batch; leaves no trace outside, and so may run ahead."""
        started = time.monotonic()
        return await _in_thread(self._analysing, partial(self._analyse, messages, started))

    async def complete(self, batches: Sequence[_Batch]) -> None:
        """Store and publish batches together; when this returns, their offsets may be committed.

        Raises Stopping if the process is to stop while something is away, and whatever is wrong
        but for what a message is to blame for.
        """
        needs = self.needs
        analysed = [one for batch in batches for one in batch.analysed]
        # 1. What cannot be read is confirmed as a dead letter before anything moves on.
        await self._dead_letter([one for batch in batches for one in batch.unreadable])
        # 2. Items, trends and progress in one transaction; waits while the database is away.
        work = partial(
            store_batch,
            needs.engine,
            analysed,
            [one for batch in batches for one in batch.progress],
            needs.accounts,
            needs.newcomers,
        )
        stored, refused = await persist(
            lambda: _in_thread(self._storing, work),
            outage=self._database,
            is_away=is_away,
            stopping=self.stopping,
        )
        # 3. Dead letters and results, confirmed by the broker.
        odd = [*(one for batch in batches for one in batch.broken), *refused]
        await self._dead_letter(odd)
        await self._publish(stored)
        ITEMS.inc(len(stored))
        self._late.note(one.row.published_at for one in stored)
        for batch in batches:
            BATCH_SECONDS.observe(time.monotonic() - batch.started)

    def _analyse(self, messages: Sequence[Message], started: float) -> _Batch:
        needs = self.needs
        parsed, unreadable = parse(messages, now=datetime.now(UTC), limits=needs.limits)
        analysed, broken = analyse(
            parsed,
            classifier=needs.classifier,
            finder=needs.finder,
            floors=build_floors(needs.settings),
            earlier=needs.earlier,
        )
        return _Batch(started, unreadable, analysed, broken, progress_of(messages, parsed))

    def close(self) -> None:
        """Let go of the threads; does not wait for them."""
        for pool in (self._analysing, self._storing):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _dead_letter(self, rejected: Sequence[Rejected]) -> None:
        topic = self.needs.settings.kafka.dead_letter_topic
        await self._producing.confirmed([dead_letter(topic, one) for one in rejected])
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
        await self._producing.confirmed(
            [
                Outbound(topic, one.row.text_hash.encode(), scored(one.row).to_bytes())
                for one in stored
            ]
        )


async def _in_thread(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run work in a thread; what it raises is an Exception, also if Rust code panics in it."""

    def run() -> T:
        try:
            return work()
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    return await asyncio.get_running_loop().run_in_executor(pool, run)


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
