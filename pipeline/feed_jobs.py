"""Polls feeds on their own schedules until told to stop. One feed: sources/feeds.py."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from pipeline.backoff import Outage
from pipeline.feed_metrics import FEED_ITEMS, FEED_POLLS, FEED_REJECTS
from pipeline.ingest import Publisher
from pipeline.messages import Limits
from pipeline.sources.base import Unreadable
from pipeline.sources.feeds import Feed, FeedError, FeedSpec, open_feeds
from pipeline.ticking import Ticking
from pipeline.topics import BrokerAway

log = structlog.stdlib.get_logger(__name__)

_MAX_AT_ONCE = 8
# Feeds that start together would ask together for ever.
_STAGGER_S = 0.2


class PollOutcome(StrEnum):
    """What came of one look at a feed."""

    READ = "read"
    UNCHANGED = "unchanged"
    FEED_FAILED = "feed_failed"
    BROKER_AWAY = "broker_away"


class FeedJob:
    """Brings one feed's news to the raw topic; a failure is said once and ends nothing."""

    def __init__(self, feed: Feed, publisher: Publisher) -> None:
        """Keep both."""
        self._feed = feed
        self._publisher = publisher
        self._outage = Outage(f"feed {feed.spec.name}")
        self.last_error: Exception | None = None

    def __call__(self) -> None:
        """Look at the feed once."""
        try:
            outcome = self._poll()
        except (FeedError, BrokerAway) as error:
            away = isinstance(error, BrokerAway)
            outcome = PollOutcome.BROKER_AWAY if away else PollOutcome.FEED_FAILED
            self.last_error = error
            self._outage.failed(error)
        else:
            self.last_error = None
            self._outage.succeeded()
        FEED_POLLS.labels(outcome).inc()

    def _poll(self) -> PollOutcome:
        look = self._feed.look(now=datetime.now(UTC))
        if look is None:
            return PollOutcome.UNCHANGED
        self._publisher.publish_all(look.records)
        self._feed.confirm(look)  # only now: what the broker does not have is fetched again
        rejected = sum(isinstance(record, Unreadable) for record in look.records)
        items = len(look.records) - rejected
        FEED_ITEMS.inc(items)
        FEED_REJECTS.inc(rejected)
        if look.records:
            log.info("feed_read", source=self._feed.spec.name, items=items, rejected=rejected)
        return PollOutcome.READ if look.records else PollOutcome.UNCHANGED


def poll_feeds(
    specs: Sequence[FeedSpec], publisher: Publisher, *, limits: Limits, stopping: threading.Event
) -> None:
    """Poll feeds, each at its own interval, until ``stopping`` is set; blocks."""
    with open_feeds(specs, limits) as feeds:
        ticking = Ticking(threads=_MAX_AT_ONCE)
        for number, feed in enumerate(feeds):
            ticking.add(
                FeedJob(feed, publisher),
                every_s=feed.spec.interval_s,
                first_in_s=number * _STAGGER_S,
                jitter_s=min(5.0, feed.spec.interval_s / 10),
            )
        ticking.start()
        log.info("feeds_started", feeds=len(specs))
        stopping.wait()
        ticking.shutdown()
        log.info("feeds_stopped")
