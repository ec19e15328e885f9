"""What a look at a feed adds to the metrics, and when it counts as read."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from kafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY

from pipeline import ingest
from pipeline.feed_jobs import FeedJob
from pipeline.ingest import Publisher
from pipeline.messages import Limits, NewsItem
from pipeline.settings import KafkaSettings
from pipeline.sources.base import Unreadable
from pipeline.sources.feeds import Feed, FeedSpec
from pipeline.topics import BrokerAway
from tests.unit.streamed import streamed

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>W</title>
<item><guid>1</guid><title>Bank falls</title><pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate></item>
<item><guid>2</guid><title></title><pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate></item>
</channel></rss>"""


class FakePublisher:
    """Takes everything, or is away."""

    def __init__(self, *, away: bool) -> None:
        self._away = away

    def publish_all(self, records: Sequence[NewsItem | Unreadable]) -> None:
        """Take the records."""
        if self._away:
            raise BrokerAway(f"nobody answers, {len(records)} records wait")


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tapewatch_feed_{name}_total", labels) or 0.0


def job(server: Callable[[httpx.Request], httpx.Response], publisher: Publisher) -> FeedJob:
    spec = FeedSpec.model_validate({"url": "https://www.wire.example/rss"})
    feed = Feed(spec, httpx.Client(transport=streamed(server)), Limits())
    return FeedJob(feed, publisher)


def poll(server: Callable[[httpx.Request], httpx.Response], *, away: bool = False) -> None:
    job(server, cast("Publisher", FakePublisher(away=away)))()


@pytest.mark.parametrize(
    ("status", "away", "outcome", "brought"),
    [
        (200, False, "read", (1, 1)),
        (304, False, "unchanged", (0, 0)),
        (500, False, "feed_failed", (0, 0)),
        (200, True, "broker_away", (0, 0)),
    ],
)
def test_a_look_counts_by_its_outcome_with_what_it_brought(
    status: int, away: bool, outcome: str, brought: tuple[int, int]
) -> None:
    polls, items, rejects = sample("polls", outcome=outcome), sample("items"), sample("rejects")

    poll(lambda _: httpx.Response(status, text=RSS), away=away)

    assert sample("polls", outcome=outcome) == polls + 1
    assert (sample("items") - items, sample("rejects") - rejects) == brought


class LosingBroker:
    """Confirms items and no dead letter; another thread flushes whenever something is sent."""

    def __init__(self) -> None:
        self.publisher: Publisher | None = None

    def producer(self) -> "LosingBroker":
        """Return itself."""
        return self

    def send(self, topic: str, **_: object) -> "Sent":
        """Return what tells whether it is confirmed."""
        assert self.publisher is not None
        with suppress(BrokerAway):
            self.publisher.flush()
        return Sent(is_confirmed=topic == KafkaSettings().raw_topic)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of which the broker has said what came of it."""

    is_confirmed: bool
    is_done: bool = True

    def get(self, timeout: float) -> None:
        """Return if it is confirmed."""
        if not self.is_confirmed:
            raise KafkaTimeoutError(f"not confirmed within {timeout} s")


def test_a_feed_whose_dead_letter_is_lost_is_not_read_whoever_else_flushes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = LosingBroker()
    monkeypatch.setattr(ingest, "Connection", lambda *_, **__: broker)
    broker.publisher = publisher = Publisher(KafkaSettings())
    conditional: list[bool] = []

    def server(request: httpx.Request) -> httpx.Response:
        conditional.append("If-None-Match" in request.headers)
        return httpx.Response(200, text=RSS, headers={"ETag": '"1"'})

    look = job(server, publisher)
    look()
    look()

    assert isinstance(look.last_error, BrokerAway)
    assert conditional == [False, False]
