"""One producer's connection that threads share. What is sent over it: ingest.py."""

import threading
import time

from kafka import KafkaProducer
from kafka.errors import KafkaError

from pipeline.backoff import Outage, Stopping, persist_for
from pipeline.kafka_security import client_options
from pipeline.settings import KafkaSettings
from pipeline.topics import (
    MAX_MESSAGE_BYTES,
    BrokerAway,
    BrokerRefused,
    broker_away,
    check_admitted,
    check_reachable,
)

_BOOTSTRAP_MS = 5_000
# All topics are known once connected: a send that blocks for longer would not notice a stop.
_METADATA_MS = 3_000
_LINGER_MS = 20
_REQUEST_MS = 15_000


class StoppedWaiting(BrokerAway):
    """The process was asked to stop before a broker answered; nothing was sent."""


class Connection:
    """Connects at the first use. One thread connects at a time, and no lock is held meanwhile.

    The threads that come while it does take what it gets: the connection, or its failure.
    """

    def __init__(
        self, settings: KafkaSettings, *, wait_s: float, outage: Outage, stopping: threading.Event
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: Brokers and topics.
            wait_s: How long a broker may be away before ``producer`` raises.
            outage: Where absence is said.
            stopping: Ends the waiting early.
        """
        self._settings = settings
        self._wait_s = wait_s
        self._outage = outage
        self._stopping = stopping
        self._producer: KafkaProducer | None = None
        self._connecting = threading.Lock()
        self._failed_at = float("-inf")
        self._failure = BrokerAway("no broker answered in time")

    def producer(self) -> KafkaProducer:
        """Return the connected producer.

        Raises BrokerAway if no broker answers for ``wait_s``, BrokerRefused at once if one does
        not let us in, and StoppedWaiting if the process is to stop before one does.
        """
        producer = self._producer
        if producer is not None:
            return producer
        asked_at = time.monotonic()
        if not self._connecting.acquire(timeout=self._wait_s):
            raise BrokerAway("no broker answered in time")
        try:
            if self._failed_at >= asked_at:
                raise type(self._failure)(*self._failure.args)
            if self._producer is None:
                self._producer = self._persistently()
            return self._producer
        finally:
            self._connecting.release()

    def close(self) -> None:
        """Close the connection, if there is one; the object stays usable."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=2)

    def _persistently(self) -> KafkaProducer:
        try:
            return persist_for(
                self._connect,
                outage=self._outage,
                is_away=lambda error: (
                    isinstance(error, BrokerAway)
                    and not isinstance(error, StoppedWaiting | BrokerRefused)
                ),
                most_s=self._wait_s,
                stopping=self._stopping,
            )
        except Stopping as error:
            raise self._failed(StoppedWaiting("asked to stop")) from error
        except BrokerAway as error:
            self._failed(error)
            raise

    def _failed(self, error: BrokerAway) -> BrokerAway:
        self._failure, self._failed_at = error, time.monotonic()
        return error

    def _connect(self) -> KafkaProducer:
        self._find_broker()
        wait_ms = int(self._wait_s * 1000)
        with broker_away(self._settings):
            producer = KafkaProducer(
                bootstrap_servers=self._settings.bootstrap_servers,
                bootstrap_timeout_ms=min(_BOOTSTRAP_MS, wait_ms),
                acks="all",
                linger_ms=_LINGER_MS,
                batch_size=64 * 1024,
                max_request_size=MAX_MESSAGE_BYTES,
                max_block_ms=min(_METADATA_MS, wait_ms),
                request_timeout_ms=min(_REQUEST_MS, max(1, wait_ms - _LINGER_MS)),
                delivery_timeout_ms=wait_ms,
                allow_auto_create_topics=False,
                **client_options(self._settings),
            )
        try:
            for topic in (self._settings.raw_topic, self._settings.dead_letter_topic):
                producer.partitions_for(topic)
        except KafkaError as error:
            producer.close(timeout=0)
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return producer

    def _find_broker(self) -> None:
        """Return if a server lets us in; each may need seconds to show that it does not."""
        problems = []
        for server in self._settings.bootstrap_servers.split(","):
            if self._stopping.is_set():
                raise StoppedWaiting("asked to stop")
            try:
                check_admitted(self._settings, check_reachable(server))
            except BrokerRefused:
                raise
            except BrokerAway as error:
                problems.append(str(error))
            else:
                return
        raise BrokerAway("; ".join(problems))
