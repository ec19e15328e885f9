"""Publishing while no broker answers: nobody waits for another's turn, a stop ends it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from kafka.errors import KafkaTimeoutError

from pipeline.connection import StoppedWaiting
from pipeline.ingest import Publisher, run_ingest
from pipeline.messages import Limits, NewsItem, item_from
from pipeline.settings import KafkaSettings
from pipeline.sources.replay import Pace
from pipeline.topics import BrokerAway

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
ITEM = item_from(
    {"published_at": NOW.isoformat(), "title": "Bank falls", "source": "wire"},
    now=NOW,
    limits=Limits(),
)


@dataclass
class AbsentBroker:
    """Counts who asks for it, and how many at once."""

    asked: int = 0
    at_once: int = 0
    most_at_once: int = 0
    seen: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _: str) -> None:
        """Raise BrokerAway, after a while."""
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.seen.set()
        time.sleep(0.02)
        self.at_once -= 1
        raise BrokerAway("nobody listens")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> AbsentBroker:
    absent = AbsentBroker()
    monkeypatch.setattr("pipeline.connection.check_reachable", absent)
    return absent


def attempt(publisher: Publisher) -> float:
    began = time.monotonic()
    with pytest.raises(BrokerAway, match=r"nobody listens|in time"):
        publisher.publish_all([ITEM])
    return time.monotonic() - began


def test_the_tenth_caller_waits_no_longer_than_the_first(broker: AbsentBroker) -> None:
    with Publisher(KafkaSettings(), wait_s=1.0) as publisher, ThreadPoolExecutor(10) as pool:
        waited = list(pool.map(attempt, [publisher] * 10))

    assert max(waited) < 2.0
    assert broker.most_at_once == 1


def test_a_later_call_asks_again(broker: AbsentBroker) -> None:
    with Publisher(KafkaSettings(), wait_s=0.1) as publisher:
        attempt(publisher)
        asked = broker.asked
        attempt(publisher)

    assert broker.asked > asked


def test_nothing_that_is_asked_of_a_publisher_waits_for_who_connects(broker: AbsentBroker) -> None:
    stopping = threading.Event()
    with Publisher(KafkaSettings(), wait_s=60.0, stopping=stopping) as publisher:
        connecting = threading.Thread(target=attempt_until_stopped, args=(publisher,))
        connecting.start()
        assert broker.seen.wait(5)

        began = time.monotonic()
        publisher.flush()
        publisher.close()
        took_s = time.monotonic() - began
        stopping.set()
        connecting.join(5)

    assert took_s < 1.0
    assert not connecting.is_alive()


def attempt_until_stopped(publisher: Publisher) -> None:
    with pytest.raises(StoppedWaiting):
        publisher.publish_all([ITEM])


def test_a_stop_ends_an_ingest_that_waits_for_a_broker_and_nothing_counts_as_published(
    broker: AbsentBroker,
) -> None:
    class Source:
        def records(self, _: threading.Event | None = None) -> Iterator[NewsItem]:
            yield ITEM

    stopping = threading.Event()

    def stop() -> None:
        broker.seen.wait(5)
        stopping.set()

    threading.Thread(target=stop).start()
    began = time.monotonic()
    with Publisher(KafkaSettings(), wait_s=60.0, stopping=stopping) as publisher:
        counts = run_ingest(Source(), publisher, pace=Pace(None), stopping=stopping)

    assert counts.published == 0
    assert time.monotonic() - began < 5.0


class SilentBroker:
    """Takes everything and confirms nothing."""

    is_done = False

    def send(self, *_: object, **__: object) -> "SilentBroker":
        """Return what is never confirmed: this."""
        return self

    def get(self, timeout: float) -> None:
        """Raise after the timeout."""
        time.sleep(timeout)
        raise KafkaTimeoutError("not confirmed")


def test_a_stop_does_not_count_as_published_what_no_broker_has_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Source:
        def records(self, _: threading.Event | None = None) -> Iterator[NewsItem]:
            yield ITEM
            stopping.set()
            yield ITEM

    stopping = threading.Event()
    monkeypatch.setattr("pipeline.ingest._SAY_AFTER_S", 0.05)
    monkeypatch.setattr("pipeline.connection.Connection.producer", lambda _: SilentBroker())
    publisher = Publisher(KafkaSettings(), wait_s=60.0, stopping=stopping)

    began = time.monotonic()
    with pytest.raises(BrokerAway, match="not confirmed"):
        run_ingest(Source(), publisher, pace=Pace(None), stopping=stopping)

    assert time.monotonic() - began < 5.0
