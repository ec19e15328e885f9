"""How far topics reach, and whether anything of them is left to be read."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from kafka import KafkaConsumer, TopicPartition

from db.rows import Progress
from pipeline.kafka_security import client_options
from pipeline.settings import KafkaSettings
from pipeline.topics import (
    CONNECT_MS,
    REQUEST_MS,
    BrokerAway,
    broker_away,
    check_admitted,
    check_reachable,
)

# Until every partition has answered a fetch; one that has not counts as if messages waited there.
_FETCH_S = 2.0
# A fetch tells whether anything is there, so that one batch is enough, and no broker is to wait
# for more.
_FETCH_BYTES = 1
_FETCH_WAIT_MS = 20


class Offsets(Protocol):
    """Knows how far topics reach; ``OffsetReader`` does."""

    def end_offsets(
        self, topic: str, progress: Mapping[int, Progress] | None = None
    ) -> dict[int, int]:
        """Return the offset after the last message of every partition.

        With ``progress`` a partition ends where it is stored if no message is left to be read.
        """
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

    def end_offsets(
        self, topic: str, progress: Mapping[int, Progress] | None = None
    ) -> dict[int, int]:
        """Return the offset after the last message of every partition; empty: no such topic.

        Args:
            topic: Its name.
            progress: How far each partition is stored, from 0 where it is not named. What then
                lies before the end need be no message: a transaction's marker is none, and
                messages expire. Where none is left the partition ends where it is stored.

        Returns:
            By the number of the partition.

        Raises:
            BrokerAway: If no broker answers; BrokerRefused, which is one, if it does not let us
                in. The next call connects anew.
        """
        try:
            with broker_away(self._settings):
                consumer = self._connected()
                numbers = sorted(consumer.partitions_for_topic(topic) or ())
                partitions = [TopicPartition(topic, number) for number in numbers]
                stored = None if progress is None else _stored(partitions, progress)
                ends = _ends(consumer, partitions, stored)
        except BrokerAway:
            self.close()
            raise
        return {where.partition: end for where, end in ends.items()}

    def close(self) -> None:
        """Drop the connection; the object stays usable."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)

    def _connected(self) -> KafkaConsumer:
        if self._consumer is None:
            server = check_reachable(self._settings.bootstrap_servers)
            check_admitted(self._settings, server)
            self._consumer = KafkaConsumer(
                bootstrap_servers=self._settings.bootstrap_servers,
                bootstrap_timeout_ms=CONNECT_MS,
                request_timeout_ms=REQUEST_MS,
                enable_auto_commit=False,
                group_id=None,
                auto_offset_reset="latest",
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=_FETCH_BYTES,
                fetch_max_wait_ms=_FETCH_WAIT_MS,
                # In a session a broker leaves out partitions where nothing is new.
                enable_incremental_fetch_sessions=False,
                **client_options(self._settings),
            )
        return self._consumer


def _stored(
    partitions: list[TopicPartition], progress: Mapping[int, Progress]
) -> dict[TopicPartition, int]:
    return {
        where: progress[where.partition].next_offset if where.partition in progress else 0
        for where in partitions
    }


def _ends(
    consumer: KafkaConsumer,
    partitions: list[TopicPartition],
    stored: dict[TopicPartition, int] | None,
) -> dict[TopicPartition, int]:
    """Return the offset after the last message of each partition; see ``end_offsets``.

    Fetches from where the unread messages begin: only that tells whether there is one. The answer
    also holds the high watermark, while the embedded broker's ListOffsets says where its last
    batch starts, not where it ends.
    """
    listed = consumer.end_offsets(partitions)
    starts = consumer.beginning_offsets(partitions)
    begins = {where: max((stored or listed)[where], starts[where]) for where in partitions}
    ends = {where: int(listed[where]) for where in partitions}
    for where, (high, has_messages) in _fetched(consumer, begins).items():
        ends[where] = high if has_messages or stored is None else min(high, stored[where])
    return ends


def _fetched(
    consumer: KafkaConsumer, begins: dict[TopicPartition, int]
) -> dict[TopicPartition, tuple[int, bool]]:
    """Return each partition's high watermark, and whether a message lies before it.

    Looks from the given offsets on. Partitions that do not answer in time are left out.
    """
    consumer.unsubscribe()  # or the high watermarks of the last look would stay
    consumer.assign(list(begins))
    for where, offset in begins.items():
        consumer.seek(where, offset)
    found: dict[TopicPartition, tuple[int, bool]] = {}
    until = time.monotonic() + _FETCH_S
    while len(found) < len(begins) and time.monotonic() < until:
        messages = consumer.poll(timeout_ms=_FETCH_WAIT_MS)
        for where in begins.keys() - found.keys():
            high = consumer.highwater(where)
            # A fetch may bring nothing but markers, and more lie behind them.
            if where in messages or (high is not None and consumer.position(where) >= high):
                found[where] = (int(high), where in messages)
                consumer.pause(where)
    return found
