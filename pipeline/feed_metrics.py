"""Prometheus metrics of polling feeds."""

from prometheus_client import Counter

FEED_POLLS = Counter("tapewatch_feed_polls_total", "Looks at a feed.", ["outcome"])
FEED_ITEMS = Counter("tapewatch_feed_items_total", "Items that feeds brought to the raw topic.")
FEED_REJECTS = Counter(
    "tapewatch_feed_rejects_total", "Entries of feeds that went to the dead letter topic."
)
