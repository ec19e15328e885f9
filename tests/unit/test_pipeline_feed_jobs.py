"""What a look at a feed adds to the metrics."""

from collections.abc import Callable, Sequence
from typing import cast

import httpx
import pytest
from prometheus_client import REGISTRY

from pipeline.feed_jobs import FeedJob
from pipeline.ingest import Publisher
from pipeline.messages import Limits, NewsItem
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

    def publish_all(self, items: Sequence[NewsItem]) -> None:
        """Take the items."""
        if self._away:
            raise BrokerAway(f"nobody answers, {len(items)} items wait")

    def reject(self, record: Unreadable) -> None:
        """Take the entry."""

    def flush(self) -> None:
        """Have nothing to wait for."""


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tapewatch_feed_{name}_total", labels) or 0.0


def poll(server: Callable[[httpx.Request], httpx.Response], *, away: bool = False) -> None:
    spec = FeedSpec.model_validate({"url": "https://www.wire.example/rss"})
    feed = Feed(spec, httpx.Client(transport=streamed(server)), Limits())
    FeedJob(feed, cast("Publisher", FakePublisher(away=away)))()


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
