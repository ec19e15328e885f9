"""Whether messages are left to be read, where logs hold markers too and messages expired."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition

from db.rows import Progress
from pipeline import offsets
from pipeline.offsets import OffsetReader
from pipeline.settings import KafkaSettings

TOPIC = "news.raw.v1"
WHERE = TopicPartition(TOPIC, 0)


@dataclass
class FakeConsumer:
    """A client of a broker with one partition; a poll reads one record of its log.

    Attributes:
        log: True where an offset holds a message, False where it holds a transaction's marker.
        start: The first offset that has not expired.
        answers: Whether the broker answers fetches.
    """

    log: list[bool]
    start: int = 0
    answers: bool = True
    _at: int = 0
    _high: int | None = None
    _paused: set[TopicPartition] = field(default_factory=set)

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return its partition."""
        assert topic == TOPIC
        return {0}

    def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the end of the log."""
        return dict.fromkeys(partitions, len(self.log))

    def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the start of the log."""
        return dict.fromkeys(partitions, self.start)

    def unsubscribe(self) -> None:
        """Forget the last look."""
        self._high = None

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Take the partition."""
        assert list(partitions) == [WHERE]

    def pause(self, where: TopicPartition) -> None:
        """Read no further."""
        self._paused.add(where)

    def seek(self, where: TopicPartition, offset: int) -> None:
        """Stand at an offset; one that is no more, or not yet, would be reset to the end."""
        self._paused.discard(where)
        self._at = offset if self.start <= offset <= len(self.log) else len(self.log)

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[object]]:
        """Return a message, nothing for a marker."""
        assert timeout_ms
        if not self.answers:
            return {}
        self._high = len(self.log)
        if WHERE in self._paused or self._at == len(self.log):
            return {}
        self._at += 1
        return {WHERE: [object()]} if self.log[self._at - 1] else {}

    def highwater(self, where: TopicPartition) -> int | None:
        """Return the end of the log once a fetch was answered."""
        assert where == WHERE
        return self._high

    def position(self, where: TopicPartition) -> int:
        """Return the offset of what it reads next."""
        assert where == WHERE
        return self._at

    def close(self, **_: object) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "check_reachable", lambda _: None)
    monkeypatch.setattr(offsets, "_FETCH_S", 0.05)


def end(consumer: FakeConsumer, stored: int | None) -> int:
    with pytest.MonkeyPatch.context() as patch, OffsetReader(KafkaSettings()) as reader:
        patch.setattr(offsets, "KafkaConsumer", lambda **_: consumer)
        progress = {} if stored is None else {0: Progress(TOPIC, 0, stored, None)}
        return reader.end_offsets(TOPIC, progress)[0]


def test_markers_behind_the_last_message_are_nothing_that_waits() -> None:
    assert end(FakeConsumer([True, False, False]), stored=1) == 1


def test_a_message_behind_markers_waits() -> None:
    assert end(FakeConsumer([True, False, False, True]), stored=1) == 4


@pytest.mark.parametrize("stored", [2, None])
def test_messages_that_expired_unread_are_nothing_that_waits(stored: int | None) -> None:
    assert end(FakeConsumer([True] * 5, start=5), stored=stored) == (stored or 0)


def test_where_only_some_expired_the_others_wait() -> None:
    assert end(FakeConsumer([True] * 5, start=4), stored=2) == 5


def test_a_partition_that_does_not_answer_counts_as_if_messages_waited() -> None:
    assert end(FakeConsumer([True, False], answers=False), stored=1) == 2


@given(
    log=st.lists(st.booleans(), max_size=6),
    start=st.integers(0, 6),
    stored=st.integers(0, 8),
)
def test_a_partition_ends_behind_what_is_stored_if_a_message_is_left_and_only_then(
    log: list[bool], start: int, stored: int
) -> None:
    consumer = FakeConsumer(log, start=min(start, len(log)))

    is_left = any(log[max(stored, consumer.start) :])

    assert (end(consumer, stored) > stored) == is_left
