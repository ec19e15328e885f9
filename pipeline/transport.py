"""Faust's Kafka transport with a short wait for fetches, and an end where memory lacks.

Faust lets a broker hold an empty fetch for 1.5 s. Apache Kafka answers as soon as something comes;
the embedded broker was seen to answer every 0.76 s, so that a message waited for half of that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

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

    def _start_thread(self) -> None:
        try:
            super()._start_thread()
        except MemoryError:
            # Too little is left to tell the main thread, which would go on and never read again.
            # What is not stored comes to the next worker.
            os._exit(1)


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class QuickTransport(Transport):
    """Waits for 50 ms at most where a broker has nothing new."""

    Consumer = _Consumer


def use_quick_transport(app: faust.App) -> None:
    """Let an app that is not connected yet consume by ``QuickTransport``."""
    app.transport = QuickTransport(app.conf.broker_consumer, app)
