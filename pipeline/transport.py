"""Faust's Kafka transport, four things changed.

1. The wait for fetches is short. Faust lets a broker hold an empty fetch for 1.5 s. Apache Kafka
   answers as soon as something comes; the embedded broker was seen to answer every 0.76 s, so that
   a message waited for half of that.
2. After a rebalance, a partition for which nothing was ever committed is read from its beginning.
3. No message flows between the loss of partitions and the next assignment of some.
4. The process ends where the thread that fetches lacks memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

if TYPE_CHECKING:
    import aiokafka
    import faust

_FETCH_WAIT_MS = 50


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust passes the wait as a constant; the client reads it when it starts.
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        offsets: Mapping[TP, int] = await self.call_thread(
            seek_to_committed, self._ensure_consumer()
        )
        return offsets

    def _start_thread(self) -> None:
        try:
            super()._start_thread()
        except MemoryError:
            # Too little is left to tell the main thread, which would go on and never read again.
            # What is not stored comes to the next worker.
            os._exit(1)


async def seek_to_committed(consumer: aiokafka.AIOKafkaConsumer) -> Mapping[TP, int]:
    """Let a consumer go on where its group has committed, or at the beginning.

    What it fetches during a rebalance Faust throws away, and seeks back to what is committed. The
    client's method leaves a partition without a commit where it is, behind what was thrown away:
    these messages would be lost.

    Returns:
        The offset of each partition that it has, 0 where nothing is committed. (With None, Faust
        would go on ignoring what is below a commit that failed.)
    """
    committed = await consumer.seek_to_committed()
    if fresh := [partition for partition, offset in committed.items() if not offset]:
        with suppress(IllegalStateError):  # the group has just taken them away again
            await consumer.seek_to_beginning(*fresh)
    return {partition: offset or 0 for partition, offset in committed.items()}


class _Consumer(Consumer):
    _waits_for_partitions = False

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._waits_for_partitions = True
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._waits_for_partitions = False
        await super().on_partitions_assigned(assigned, generation_id)

    def resume_flow(self) -> None:
        """Let messages flow, unless partitions were revoked since Faust set about it.

        It asks the broker from where to go on before it lets them flow. Where the next rebalance
        begins before the answer is there, they would flow until that one seeks, and through it:
        Faust clears what is queued by then, and does not take it a second time, for it has read
        on. It would be left out, and nothing after it committed, until the worker starts anew.
        """
        if self._waits_for_partitions:
            self.app.flow_control.suspend()
        else:
            super().resume_flow()

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class QuickTransport(Transport):
    """Waits for 50 ms at most where a broker has nothing new."""

    Consumer = _Consumer


def use_quick_transport(app: faust.App) -> None:
    """Let an app that is not connected yet consume by ``QuickTransport``."""
    app.transport = QuickTransport(app.conf.broker_consumer, app)
