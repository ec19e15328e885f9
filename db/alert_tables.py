"""The tables of alerts; db.tables has those of news and trends, db.delivery_tables the outbox."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables import ID, TIME, metadata, scope_columns

alerts = Table(
    "alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("detector", ID, nullable=False),
    *scope_columns(),
    Column("scope_name", Text, nullable=False),
    Column("severity", ID, nullable=False),
    Column("state", ID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("fired_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    Column("resolved_at", TIME),
    Column("window_start", TIME, nullable=False),
    Column("window_end", TIME, nullable=False),
    Column("observed", Double, nullable=False),
    Column("expected", Double, nullable=False),
    Column("items", Integer, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("sources", Integer, nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("rule", Text, nullable=False, server_default=""),
    Column("suppressed_by", Uuid, comment="the alert that tells the same news"),
    Column("flapping", Boolean, nullable=False, server_default="false"),
    Column("related", JSONB, nullable=False, server_default="[]"),
    Column("reasons", JSONB(none_as_null=True)),
    CheckConstraint("state IN ('firing', 'resolved')", name="state"),
    Index(None, "state", "fired_at"),
    Index(None, "fired_at"),
    Index(None, "scope_kind", "scope_id", "fired_at"),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("alert_id", Uuid, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("body", Text, nullable=False),
    Column(
        "stored_at",
        TIME,
        nullable=False,
        server_default=func.now(),
        comment="wall clock; event time where it was said before this column",
    ),
    UniqueConstraint("alert_id", "revision"),
)

# A snapshot, not a reference: evidence outlives the items that retention removes.
alert_evidence = Table(
    "alert_evidence",
    metadata,
    Column("alert_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("item_id", ID, nullable=False),
    Column("published_at", TIME, nullable=False),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("url", Text),
    Column("language", ID, nullable=False),
    Column("sentiment", ID, nullable=False),
    Column("score", Double, nullable=False),
    Column("copy_of", ID),
    Column("story", BigInteger),
    PrimaryKeyConstraint("alert_id", "revision", "rank"),
    ForeignKeyConstraint(
        ["alert_id", "revision"],
        ["alert_events.alert_id", "alert_events.revision"],
        ondelete="CASCADE",
    ),
)

detect_states = Table(
    "detect_states",
    metadata,
    Column("name", ID, primary_key=True),
    Column("evaluated_until", TIME, nullable=False),
    Column("state", JSONB, nullable=False),
    Column("seen", BigInteger, comment="all transactions before this one were read"),
)

# Who wants no alerts of a kind for a while; a column that is null matches every alert.
silences = Table(
    "silences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("scope_kind", ID),
    Column("scope_id", ID),
    Column("rule", Text),
    Column("severity", ID),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    Column("ends_at", TIME, nullable=False, comment="wall clock"),
    Index(None, "ends_at"),
)

# What people made of an alert: their last word.
acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("alert_id", Uuid, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("verdict", ID, nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
)

# What stood out, fired or not: the alert budget's threshold is read from it.
detect_ranks = Table(
    "detect_ranks",
    metadata,
    Column("detector", ID, nullable=False),
    Column("day", Date, nullable=False, comment="of event time, UTC"),
    Column("scope_kind", ID, nullable=False),
    Column("scope_id", ID, nullable=False),
    Column("rank", Double, nullable=False, comment="the day's highest"),
    PrimaryKeyConstraint("detector", "day", "scope_kind", "scope_id"),
)
