"""From a source to the raw topic, and what cannot be read to the dead letter topic."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from kafka.errors import KafkaError

from pipeline.backoff import Outage
from pipeline.connection import Connection, StoppedWaiting
from pipeline.messages import NewsItem, text_hash
from pipeline.settings import KafkaSettings
from pipeline.sources.base import Source, Unreadable
from pipeline.sources.replay import Pace
from pipeline.topics import BrokerAway

log = structlog.stdlib.get_logger(__name__)

# Unconfirmed messages in memory at most; waiting for them is the backpressure.
_MAX_PENDING = 2_000
_FLUSH_EVERY_S = 1.0
# Who is asked to stop waits no longer than this for a confirmation: ten seconds are all it has.
_SAY_AFTER_S = 3.0
# Together they leave room below max.message.bytes.
_MAX_REJECTED_BYTES = 1_900_000
_MAX_HEADER_BYTES = 10_000


class Publisher:
    """Produces items to the raw topic. Threads may share one, each with ``publish_all``.

    Equal texts get equal keys: exact copies lie in one partition and are handled in order.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        wait_s: float = 60.0,
        stopping: threading.Event | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: Brokers and topics.
            wait_s: How long a broker may be away before a call raises.
            stopping: Ends that waiting within seconds.
        """
        self._settings = settings
        self._wait_s = wait_s
        self._stopping = threading.Event() if stopping is None else stopping
        self._lock = threading.Lock()
        self._pending: list[Any] = []
        self._outage = Outage("broker")
        self._connection = Connection(
            settings, wait_s=wait_s, outage=self._outage, stopping=self._stopping
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection; what was not flushed may be lost."""
        self.close()

    def connect(self) -> None:
        """Connect now, not at the first item.

        Raises BrokerAway if no broker answers for ``wait_s``, and StoppedWaiting, which is one,
        if the process is to stop before.
        """
        self._connection.producer()

    def publish(self, item: NewsItem) -> None:
        """Send one item; it is safe only after ``flush``.

        Raises BrokerAway if no broker answers for ``wait_s``.
        """
        self._send_pending(item)

    def reject(self, record: Unreadable) -> None:
        """Send an unreadable record to the dead letter topic; it is safe only after ``flush``.

        Raises BrokerAway if no broker answers for ``wait_s``.
        """
        self._send_pending(record)

    def flush(self) -> None:
        """Wait until the broker has all that ``publish`` and ``reject`` sent.

        Not for several threads: each would wait for a part. Raises BrokerAway if the broker does
        not have all of it within ``wait_s``; some of it may be lost.
        """
        with self._lock:
            pending, self._pending = self._pending, []
        self._wait(pending)

    def publish_all(self, records: Sequence[NewsItem | Unreadable]) -> None:
        """Send records and wait until the broker has these; several threads may do so at once.

        Unreadable ones go to the dead letter topic. Raises BrokerAway if the broker does not have
        them within ``wait_s``; some of them may be lost.
        """
        self._wait([self._send(record) for record in records])

    def close(self) -> None:
        """Close the connection; the object stays usable."""
        self._connection.close()

    def _send_pending(self, record: NewsItem | Unreadable) -> None:
        future = self._send(record)
        with self._lock:
            self._pending.append(future)
            full = len(self._pending) >= _MAX_PENDING
        if full:
            self.flush()

    def _send(self, record: NewsItem | Unreadable) -> Any:  # noqa: ANN401  # kafka-python has no types
        producer = self._connection.producer()
        raw, dead = self._settings.raw_topic, self._settings.dead_letter_topic
        try:
            if isinstance(record, NewsItem):
                return producer.send(raw, key=text_hash(record).encode(), value=record.to_bytes())
            value = record.raw[:_MAX_REJECTED_BYTES]
            return producer.send(dead, value=value, headers=_reasons(record))
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    def _wait(self, futures: Sequence[Any]) -> None:
        until = time.monotonic() + self._wait_s
        for future in futures:
            while True:
                try:
                    future.get(timeout=_SAY_AFTER_S)
                except KafkaError as error:
                    self._outage.failed(error)
                    over = self._stopping.is_set() or time.monotonic() > until
                    if future.is_done or over:
                        raise BrokerAway(f"{type(error).__name__}: {error}") from error
                else:
                    break
        if futures:
            self._outage.succeeded()


@dataclass(slots=True)
class Counts:
    """What became of a source's records."""

    published: int = 0
    rejected: int = 0


def run_ingest(
    source: Source,
    publisher: Publisher,
    *,
    pace: Pace,
    stopping: threading.Event,
    on_record: Callable[[Counts], None] = lambda _: None,
) -> Counts:
    """Publish a source to its end, or until ``stopping`` is set; all of it is safe then.

    Raises BrokerAway if no broker answers for as long as the publisher waits, or confirms what
    it was sent before the process has to stop. Raises SourceError if the source cannot be read.

    Args:
        source: What to read.
        publisher: Where to.
        pace: How fast event time may pass.
        stopping: Ends it early.
        on_record: Called after every record, such as to show progress.

    Returns:
        What became of its records.
    """
    counts = Counts()
    flushed_at = time.monotonic()
    try:
        for record in source.records(stopping):
            if stopping.is_set():
                break
            if isinstance(record, Unreadable):
                publisher.reject(record)
                counts.rejected += 1
                log.info("rejected", reason=record.error.reason.value, origin=record.origin)
            else:
                wait_s = pace.wait_s(record.published_at)
                if wait_s > 0 or time.monotonic() - flushed_at > _FLUSH_EVERY_S:
                    publisher.flush()
                    flushed_at = time.monotonic()
                if wait_s and stopping.wait(wait_s):
                    break
                publisher.publish(record)
                counts.published += 1
            on_record(counts)
    except StoppedWaiting:
        log.info("stopped_waiting", what="broker")
    finally:
        publisher.flush()
    return counts


def _reasons(record: Unreadable) -> list[tuple[str, bytes]]:
    return [
        ("tapewatch-reason", record.error.reason.value.encode()),
        ("tapewatch-detail", _header(record.error.detail)),
        ("tapewatch-origin", _header(record.origin)),
    ]


def _header(text: str) -> bytes:
    return text.encode(errors="replace")[:_MAX_HEADER_BYTES]
