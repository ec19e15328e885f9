import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from db.detect_states import detect_state
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Progress
from pipeline.detection import Detection
from pipeline.ingest import Publisher
from pipeline.messages import NewsItem
from pipeline.offsets import OffsetReader
from pipeline.scheduler import utc_now
from pipeline.settings import KafkaSettings, Settings
from pipeline.stages.alerting import DETECTOR
from pipeline.topics import ensure_topics
from tests.integration.crises import END, RULES, START, archive, evaluate, forget, said, store

pytestmark = pytest.mark.integration

TOPIC = "news.raw.v1"
LATE = timedelta(seconds=Settings().detect.lateness_s)


@dataclass
class FakeOffsets:
    """A broker that holds as many messages as it is told."""

    ends: dict[int, int] = field(default_factory=lambda: {0: 10})

    def end_offsets(
        self,
        topic: str,
        progress: Mapping[int, Progress] | None = None,  # noqa: ARG002  # the seam's form
    ) -> dict[int, int]:
        """Return the offsets."""
        assert topic == TOPIC
        return dict(self.ends)


@pytest.fixture
def offsets() -> FakeOffsets:
    return FakeOffsets()


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


@pytest.fixture
def detection(engine: Engine, offsets: FakeOffsets, stopping: threading.Event) -> Detection:
    return Detection(engine, offsets, Settings(), rules=RULES, now=utc_now, stopping=stopping)


def _stored(engine: Engine, next_offset: int, at: datetime, *, topic: str = TOPIC) -> None:
    with transaction(engine) as session:
        store_items(session, [], [Progress(topic, 0, next_offset, at)])


def _evaluated_until(engine: Engine) -> datetime | None:
    with transaction(engine) as session:
        saved = detect_state(session, DETECTOR)
    return saved["evaluated_until"] if saved else None


def test_a_stream_that_came_to_rest_is_evaluated_to_its_newest_item(
    engine: Engine, detection: Detection
) -> None:
    store(engine, archive())
    _stored(engine, 10, END)

    detection.tick()
    assert _evaluated_until(engine) == END - LATE
    detection.tick()
    assert _evaluated_until(engine) == END


def test_while_messages_wait_nothing_newer_than_they_may_be_is_evaluated(
    engine: Engine, detection: Detection
) -> None:
    store(engine, archive())
    _stored(engine, 5, START + timedelta(days=1))

    detection.tick()
    detection.tick()

    assert _evaluated_until(engine) == START + timedelta(days=1) - LATE


def test_an_item_dated_ahead_of_the_clock_does_not_run_ahead_with_detection(
    engine: Engine, offsets: FakeOffsets, stopping: threading.Event
) -> None:
    store(engine, archive())
    _stored(engine, 10, END)
    clock = END - timedelta(hours=1)
    detection = Detection(
        engine, offsets, Settings(), rules=RULES, now=lambda: clock, stopping=stopping
    )

    detection.tick()
    detection.tick()

    assert _evaluated_until(engine) == clock - LATE


def test_a_stop_is_heard_between_two_transactions_and_loses_nothing(
    engine: Engine, detection: Detection, stopping: threading.Event
) -> None:
    store(engine, archive())
    evaluate(engine, END)
    expected = said(engine)
    forget(engine)
    _stored(engine, 10, END)

    stopping.set()
    detection.tick()
    assert _evaluated_until(engine) is None
    stopping.clear()
    detection.tick()
    detection.tick()

    assert said(engine) == expected


def test_what_the_broker_holds_and_nobody_stored_keeps_the_watermark_back(
    engine: Engine, stopping: threading.Event, bootstrap_servers: str
) -> None:
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap_servers, raw_topic=f"raw-{uuid4().hex[:8]}", partitions=1
    )
    ensure_topics(kafka)
    store(engine, archive())
    _stored(engine, 1, START, topic=kafka.raw_topic)
    with Publisher(kafka) as publisher:
        for title in ("one", "two"):
            publisher.publish(NewsItem(published_at=START, title=title, source="wire"))
        publisher.flush()

    with OffsetReader(kafka) as offsets:
        settings = Settings(kafka=kafka)
        detection = Detection(
            engine, offsets, settings, rules=RULES, now=utc_now, stopping=stopping
        )
        detection.tick()
        assert _evaluated_until(engine) is None
        _stored(engine, 2, END, topic=kafka.raw_topic)
        detection.tick()

    assert _evaluated_until(engine) == END
