"""What holds for every item that any parser lets in."""

from datetime import UTC, datetime

from pipeline.masking import Personal
from pipeline.messages import Limits, NewsItem, parse_item, text_hash

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
LIMITS = (Limits(), Limits(mask=tuple(Personal)))


def check_item(item: NewsItem, limits: Limits, *, now: datetime = NOW) -> None:
    """Raise AssertionError unless the next process reads of the topic what this one read."""
    assert item.id
    assert item.language
    assert len(text_hash(item)) == 32
    assert parse_item(item.to_bytes(), now=now, limits=limits) == item
