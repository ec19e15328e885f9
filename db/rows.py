"""The rows of news and trends; like all that cross this package's border plain, frozen values.

db.alert_rows has those of alerts, db.delivery_rows those of subscriptions and the outbox.
No SQLAlchemy in any of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from db.tone import Tone


class ScopeKind(StrEnum):
    """What a trend series is about."""

    MARKET = "market"  # every relevant item; id "all"
    TOPIC = "topic"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """Names one trend series."""

    kind: ScopeKind
    id: str


MARKET = SeriesKey(ScopeKind.MARKET, "all")
# The length of the finest buckets; a series is read in multiples of it.
BUCKET = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class EntityRow:
    """A company (or other entity) that an item speaks of.

    Attributes:
        kind: "company", or "unlisted" where the name is all that is known of it.
        tone: Towards it; None: that of the whole text.
        counts: Whether the item adds to its series.
    """

    id: str
    name: str
    kind: str = "company"
    tone: Tone | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One classified news item, ready to be stored.

    Attributes:
        text_hash: Hash of the normalised text: equal for exact copies.
        tone: Of the whole text.
        model: Version of the classifier.
        topics: (topic, probability in [0, 1]).
        relevance: Probability in [0, 1] that it concerns finance; None where it is not told.
        is_relevant: Whether the item adds to the series of its topics and of the market.
        story_vector: What the classifier gives it to tell stories by; empty where it gives nothing.
    """

    id: str
    published_at: datetime
    title: str
    body: str
    source: str
    url: str | None
    language: str
    text_hash: str
    tone: Tone
    model: str
    topics: tuple[tuple[str, float], ...] = ()
    entities: tuple[EntityRow, ...] = ()
    relevance: float | None = None
    is_relevant: bool = True
    story_vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Places:
    """Where items belong.

    Attributes:
        copies: The id of each copy with that of its account.
        stories: By an item's id the number of the account that began its story, where it is known.
    """

    copies: Mapping[str, str] = field(default_factory=dict)
    stories: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition has been stored.

    Attributes:
        next_offset: The offset after the last stored (or dead-lettered) message.
        event_at: Newest event time stored from this partition; None before the first.
    """

    topic: str
    partition: int
    next_offset: int
    event_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoreResult:
    """Ids of the items that were new, and of those among them that are no copies.

    Attributes:
        left_out: How many new unlisted companies were too many.
    """

    new: frozenset[str]
    accounts: frozenset[str]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One bucket of one series. ``negative + neutral + positive == accounts``.

    Attributes:
        stories: Distinct ones that the accounts tell.
        sources: Distinct ones of the accounts.
    """

    start: datetime
    items: int
    accounts: int
    negative: int
    neutral: int
    positive: int
    stories: int
    sources: int
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class HourRow:
    """Accounts of one series in the hour that starts at ``start``.

    Attributes:
        negative_sources: Distinct sources of the negative accounts.
    """

    start: datetime
    accounts: int
    negative: int
    negative_sources: int


@dataclass(frozen=True, slots=True)
class MentionRow:
    """One stored item as a member of one series; copies included.

    Attributes:
        sentiment: Towards the company, in a company's series; else of the whole text.
        score: The same as a number, p(positive) - p(negative).
        story: Number of the account that began its story; None where none was told.
    """

    item_id: str
    published_at: datetime
    source: str
    title: str
    url: str | None
    language: str
    sentiment: str
    score: float
    copy_of: str | None
    story: int | None = None

    @property
    def tells(self) -> int | str:
        """Equal for items of one story; without one it is the item's own."""
        return self.item_id if self.story is None else self.story


@dataclass(frozen=True, slots=True)
class AccountScores:
    """How the accounts of a series speak of it.

    Attributes:
        negative: How many are negative.
        scores: One an account, in [-1, 1], by event time, then id.
    """

    negative: int
    scores: tuple[float, ...]

    @classmethod
    def of(cls, rows: Iterable[MentionRow]) -> "AccountScores":
        """Return those of the mentions that are no copies."""
        accounts = [row for row in rows if row.copy_of is None]
        negative = sum(row.sentiment == "negative" for row in accounts)
        return cls(negative, tuple(row.score for row in accounts))


@dataclass(frozen=True, slots=True)
class SourceSilenceRow:
    """A silence of a source, in event time; ``ended_at`` is None while it lasts."""

    source: str
    since: datetime
    ended_at: datetime | None = None
