"""The tables of news and trends, as SQLAlchemy Core; db.alert_tables has those of alerts.

What each view shows is in docs/sql.md.

Times are event times unless a column's name or comment says otherwise. Identifiers are
collated "C", so that the database and Python agree on their order: the order in which
workers take their locks, and the order of mentions at the same second.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = Text(collation="C")
TIME = DateTime(timezone=True)
# A setting decides it when the item is stored, so that buckets stay equal to a recount.
_STORIES = "distinct, of accounts; empty where none were told yet"
_COUNTS = "whether it counts in the series of market and topics"


def scope_columns() -> tuple[Column[str], Column[str]]:
    """Return new columns that name a series."""
    return Column("scope_kind", ID, nullable=False), Column("scope_id", ID, nullable=False)


items = Table(
    "items",
    metadata,
    Column("id", ID, primary_key=True),
    Column("published_at", TIME, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("url", Text),
    Column("language", ID, nullable=False),
    Column("text_hash", ID, nullable=False),
    Column("p_negative", Double, nullable=False),
    Column("p_neutral", Double, nullable=False),
    Column("p_positive", Double, nullable=False),
    Column("sentiment", ID, nullable=False),
    Column("score", Double, nullable=False),
    Column("model", Text, nullable=False),
    Column("copy_of", ID),
    Column("stored_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    Column("relevance", Double, comment="to finance, 0 to 1; null: not told"),
    Column("is_relevant", Boolean, nullable=False, server_default="true", comment=_COUNTS),
    Index(None, "published_at"),
)

# What is asked of all items of weeks is asked of this. fillfactor: as of trend_5m.
source_slots = Table(
    "source_slots",
    metadata,
    Column("slot", TIME, nullable=False),
    Column("source", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("newest_at", TIME, nullable=False),
    Column("lag_s", Double, comment="of the first to come; null: an archive's"),
    PrimaryKeyConstraint("slot", "source"),
    comment="Five minutes of event time in which a source was heard, copies included",
    postgresql_with={"fillfactor": 70},
)

# The last silence of each source that had one.
source_silences = Table(
    "source_silences",
    metadata,
    Column("source", Text, primary_key=True),
    Column("since", TIME, nullable=False),
    Column("ended_at", TIME),
)

topics = Table("topics", metadata, Column("id", ID, primary_key=True))

entities = Table(
    "entities",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("came_at", TIME, comment="newest event time stored when it came"),
    Index("ix_entities_unlisted", "came_at", postgresql_where="kind = 'unlisted'"),
    Index("ix_entities_lower_id", text("lower(id)")),
    Index("ix_entities_lower_name", text("lower(name)")),
)

# published_at is repeated so that the mentions of a series are one range of the primary key.
item_topics = Table(
    "item_topics",
    metadata,
    Column("topic", ID, ForeignKey("topics.id"), nullable=False),
    Column("published_at", TIME, nullable=False),
    Column("item_id", ID, ForeignKey("items.id", ondelete="CASCADE"), nullable=False),
    Column("probability", Double, nullable=False),
    PrimaryKeyConstraint("topic", "published_at", "item_id"),
    Index(None, "item_id"),
)

item_entities = Table(
    "item_entities",
    metadata,
    Column("entity_id", ID, ForeignKey("entities.id"), nullable=False),
    Column("published_at", TIME, nullable=False),
    Column("item_id", ID, ForeignKey("items.id", ondelete="CASCADE"), nullable=False),
    Column("p_negative", Double),
    Column("p_neutral", Double),
    Column("p_positive", Double),
    Column("sentiment", ID, comment="towards the entity; null: that of the item"),
    Column("score", Double),
    Column("counts", Boolean, nullable=False, server_default="true", comment="in its series"),
    PrimaryKeyConstraint("entity_id", "published_at", "item_id"),
    Index(None, "item_id"),
)

item_stories = Table(
    "item_stories",
    metadata,
    Column("item_id", ID, ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("story", BigInteger, nullable=False, comment="number of the account that began it"),
    Index(None, "story"),
    comment="The story that each item tells; a copy that of its account",
)

texts = Table(
    "texts",
    metadata,
    Column("text_hash", ID, primary_key=True),
    Column("first_item_id", ID, nullable=False),
    Column("first_seen_at", TIME, nullable=False),
    Column("stored_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    Index(None, "stored_at"),
    comment="The account that copies of a text within 72 h are copies of",
)

recent_accounts = Table(
    "recent_accounts",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("item_id", ID, nullable=False),
    Column("published_at", TIME, nullable=False),
    Column("story", BigInteger, comment="number of the account that began it; null: its own"),
    Column("vector", LargeBinary, nullable=False, server_default="", comment="of the classifier"),
    Index(None, "published_at"),
    comment="Accounts of the last 72 h in the order in which they were stored",
)

# Its partitions are in db.partitions. They have a fillfactor: every bucket is updated many times
# while it is young, which then stays in its page.
trend_5m = Table(
    "trend_5m",
    metadata,
    *scope_columns(),
    Column("bucket", TIME, nullable=False),
    Column("language", ID, nullable=False),
    Column("items", Integer, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("score_sum", Double, nullable=False, comment="over accounts"),
    Column("sources", ARRAY(Text), nullable=False, comment="distinct, of accounts"),
    Column("negative_sources", ARRAY(Text), nullable=False, comment="of negative accounts"),
    Column("stories", ARRAY(BigInteger), nullable=False, server_default="{}", comment=_STORIES),
    PrimaryKeyConstraint("scope_kind", "scope_id", "bucket", "language"),
    Index(None, "bucket", "scope_kind"),
    postgresql_partition_by="RANGE (bucket)",
)

partition_progress = Table(
    "partition_progress",
    metadata,
    Column("topic", ID, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("event_at", TIME),
)
