"""An item as the models read it and as it is stored."""

from datetime import datetime
from typing import Protocol, TypedDict

from pipeline.messages import NewsItem, item_id, text_hash


class HasText(Protocol):
    """An item as far as the models read it."""

    @property
    def title(self) -> str:
        """Its headline."""
        ...

    @property
    def body(self) -> str:
        """What follows; may be empty."""
        ...


class ItemFields(TypedDict):
    """What an ``ItemRow`` holds of the item itself."""

    id: str
    published_at: datetime
    title: str
    body: str
    source: str
    url: str | None
    language: str
    text_hash: str


def text_of(item: HasText) -> str:
    """Return what the classifier and the gazetteer read."""
    return f"{item.title}\n{item.body}" if item.body else item.title


def item_fields(item: NewsItem) -> ItemFields:
    """Return the columns that come from the item, not from its analysis."""
    return ItemFields(
        id=item_id(item),
        published_at=item.published_at,
        title=item.title,
        body=item.body,
        source=item.source,
        url=item.url,
        language=item.language or "en",
        text_hash=text_hash(item),
    )
