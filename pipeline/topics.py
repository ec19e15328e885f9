"""The topics as data, their creation, and how far they reach. Consumers live in agents.py."""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from pipeline.kafka_security import client_options
from pipeline.settings import KafkaSettings

_HOUR_MS = 3_600_000
# An item may have 100,000 characters of three bytes each; a dead letter adds its headers.
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
_CONNECT_MS = 5_000
_REQUEST_MS = 15_000
# A partition that ends in a transaction's marker has no message there: do not wait for one.
_FETCH_S = 2.0


class BrokerAway(Exception):
    """The Kafka cluster cannot be used now; the same work may succeed later."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as `migrate` makes it."""

    name: str
    partitions: int
    replication: int
    retention_ms: int

    def configs(self) -> dict[str, str]:
        """Return the broker's settings of the topic."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "cleanup.policy": "delete",
        }


def topic_specs(settings: KafkaSettings) -> list[TopicSpec]:
    """Return the three topics; dead letters have one partition, so that they read in order."""
    retention_ms = settings.retention_h * _HOUR_MS
    return [
        TopicSpec(settings.raw_topic, settings.partitions, settings.replication, retention_ms),
        TopicSpec(settings.scored_topic, settings.partitions, settings.replication, retention_ms),
        TopicSpec(settings.dead_letter_topic, 1, settings.replication, retention_ms),
    ]


def check_reachable(bootstrap_servers: str) -> None:
    """Return if a broker takes connections.

    Asked before a client is made: kafka-python needs its whole timeout to say that nobody
    listens, and leaves a socket behind each time.

    Raises BrokerAway if none does.
    """
    problems = []
    for server in bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_CONNECT_MS / 1000).close()
        except OSError as error:
            problems.append(f"{server.strip()}: {error.strerror or error}")
        else:
            return
    raise BrokerAway("; ".join(problems))


def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Create the topics that do not exist; changes none that does.

    Returns the names of those created. Raises BrokerAway if no broker answers.
    """
    check_reachable(settings.bootstrap_servers)
    with _broker_away():
        admin = KafkaAdminClient(
            bootstrap_servers=settings.bootstrap_servers,
            bootstrap_timeout_ms=_CONNECT_MS,
            request_timeout_ms=_REQUEST_MS,
            **client_options(settings),
        )
    try:
        with _broker_away():
            existing = set(admin.list_topics())
            return [
                spec.name
                for spec in topic_specs(settings)
                if spec.name not in existing and _create(admin, spec)
            ]
    finally:
        admin.close()


class Offsets(Protocol):
    """Knows how far topics reach; ``OffsetReader`` does."""

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the offset after the last message of every partition."""
        ...


class OffsetReader:
    """Reads how far topics reach, over one connection that is kept between calls."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._consumer: KafkaConsumer | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the offset after the last message of every partition; empty: no such topic.

        Raises BrokerAway if no broker answers. The next call connects anew.
        """
        try:
            with _broker_away():
                consumer = self._connected()
                numbers = consumer.partitions_for_topic(topic) or set()
                ends = _ends(consumer, [TopicPartition(topic, number) for number in numbers])
        except BrokerAway:
            self.close()
            raise
        return {where.partition: end for where, end in sorted(ends.items())}

    def close(self) -> None:
        """Drop the connection; the object stays usable."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)

    def _connected(self) -> KafkaConsumer:
        if self._consumer is None:
            check_reachable(self._settings.bootstrap_servers)
            self._consumer = KafkaConsumer(
                bootstrap_servers=self._settings.bootstrap_servers,
                bootstrap_timeout_ms=_CONNECT_MS,
                request_timeout_ms=_REQUEST_MS,
                enable_auto_commit=False,
                group_id=None,
                auto_offset_reset="latest",
                allow_auto_create_topics=False,
                **client_options(self._settings),
            )
        return self._consumer


def _ends(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the offset after the last message of each partition.

    The embedded broker's ListOffsets says where its last batch starts, not where it ends; the
    high watermark in the answer to a fetch is right there too. So one message is fetched.
    """
    listed = consumer.end_offsets(partitions)
    starts = consumer.beginning_offsets(partitions)
    ends = {where: int(listed[where]) for where in partitions}
    waiting = {where for where in partitions if starts[where] < ends[where]}
    consumer.assign(sorted(waiting))
    for where in waiting:
        consumer.seek(where, ends[where] - 1)
    until = time.monotonic() + _FETCH_S
    while waiting and time.monotonic() < until:
        for where in consumer.poll(timeout_ms=100):
            ends[where] = max(ends[where], int(consumer.highwater(where) or 0))
            waiting.discard(where)
    return ends


def _create(admin: KafkaAdminClient, spec: TopicSpec) -> bool:
    topic = NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.configs())
    try:
        admin.create_topics([topic])
    except TopicAlreadyExistsError:  # another `migrate` was quicker
        return False
    return True


@contextlib.contextmanager
def _broker_away() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"{type(error).__name__}: {error}") from error
