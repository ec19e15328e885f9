"""From where a worker's consumer reads on after a rebalance, on a real broker."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiokafka
import pytest

from pipeline.offsets import OffsetReader
from pipeline.transport import seek_to_committed
from tests.integration.stream import Stream, new_stream, news

pytestmark = pytest.mark.integration
_ITEMS = 60


@pytest.fixture
def stream(bootstrap_servers: str, database_url: str, tmp_path: Path) -> Iterator[Stream]:
    one = new_stream(bootstrap_servers, database_url, tmp_path, f"t{uuid4().hex[:8]}")
    yield one
    one.stop()


async def _read(consumer: Any, count: int) -> list[tuple[int, int]]:
    """Return partition and offset of this many messages, of fewer when no more come."""
    read: list[tuple[int, int]] = []
    until = time.monotonic() + 10
    while len(read) < count and time.monotonic() < until:
        fetched = await consumer.getmany(timeout_ms=500)
        read += [(m.partition, m.offset) for messages in fetched.values() for m in messages]
    return sorted(read)


async def test_what_was_fetched_and_thrown_away_comes_again_without_a_commit(
    stream: Stream,
) -> None:
    stream.produce([news(n) for n in range(_ITEMS)])
    topic = stream.kafka.raw_topic
    with OffsetReader(stream.kafka) as reader:
        ends = reader.end_offsets(topic)
    there = sorted((number, offset) for number, end in ends.items() for offset in range(end))
    consumer = aiokafka.AIOKafkaConsumer(
        topic,
        bootstrap_servers=stream.kafka.bootstrap_servers,
        group_id=stream.kafka.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        assert await _read(consumer, _ITEMS) == there
        one = max(ends, key=lambda number: ends[number])
        await consumer.commit({aiokafka.TopicPartition(topic, one): 2})

        # Why it is needed: the client's own method goes back in that one partition alone.
        await consumer.seek_to_committed()
        assert await _read(consumer, ends[one] - 2) == [p for p in there if p[0] == one][2:]

        offsets = await seek_to_committed(consumer)
        left = [place for place in there if place[0] != one or place[1] >= 2]
        assert await _read(consumer, len(left)) == left
        assert {tp.partition: at for tp, at in offsets.items()} == {
            number: 2 if number == one else 0 for number in ends
        }
    finally:
        await consumer.stop()
