"""The tables of subscriptions and of what is sent to them; db.alert_tables has the alerts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

import db.alert_tables  # noqa: F401  # the outbox refers to its tables
from db.tables import ID, TIME, metadata

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", ID, nullable=False, server_default="webhook"),
    Column("url", Text, nullable=False),
    Column(
        "secret",
        LargeBinary,
        nullable=False,
        comment="encrypted: what signs, or the URL of a chat",
    ),
    Column(
        "language", ID, nullable=False, server_default="en", comment="of messages to chat and mail"
    ),
    Column("description", Text, nullable=False),
    Column("entities", ARRAY(Text), nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("severities", ARRAY(Text), nullable=False),
    Column("watchlists", ARRAY(Text), nullable=False, server_default="{}"),
    Column("sectors", ARRAY(Text), nullable=False, server_default="{}"),
    Column("languages", ARRAY(Text), nullable=False, server_default="{}"),
    Column("detectors", ARRAY(Text), nullable=False, server_default="{}"),
    Column("quiet_start", Time, comment="of local time"),
    Column("quiet_end", Time, comment="of local time"),
    Column(
        "digest_at",
        ARRAY(Time),
        nullable=False,
        server_default="{}",
        comment="of local time; empty: each alert at once",
    ),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column(
        "critical_passes",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="critical alerts go at once",
    ),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column(
        "operations",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="whether it is also told of the watch itself",
    ),
    Column("disabled_reason", Text),
    Column("failing_since", TIME, comment="wall clock; the first failure since the last success"),
    Column("wait_until", TIME, comment="wall clock; by the endpoint's Retry-After"),
    Column("created_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    CheckConstraint("kind IN ('webhook', 'chat')", name="kind"),
    CheckConstraint("(quiet_start IS NULL) = (quiet_end IS NULL)", name="quiet"),
)

watchlists = Table(
    "watchlists",
    metadata,
    Column("name", ID, primary_key=True),
    Column("entities", ARRAY(Text), nullable=False),
)

# As the shipped table of companies has them; `tapewatch migrate` fills it.
company_sectors = Table(
    "company_sectors",
    metadata,
    Column("entity_id", ID, primary_key=True),
    Column("sector", Text, nullable=False),
)

# Secrets that were replaced and still sign, until the end of their overlap.
old_secrets = Table(
    "old_secrets",
    metadata,
    Column(
        "subscription_id", Uuid, ForeignKey("subscriptions.id", ondelete="CASCADE"), nullable=False
    ),
    Column("secret", LargeBinary, nullable=False, comment="encrypted"),
    Column("until", TIME, nullable=False, comment="wall clock"),
    PrimaryKeyConstraint("subscription_id", "secret"),
)

# A delivery is of an event of an alert, or carries a type and a body of its own.
outbox = Table(
    "outbox",
    metadata,
    Column("id", ID, primary_key=True, comment="the webhook-id"),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column(
        "subscription_id", Uuid, ForeignKey("subscriptions.id", ondelete="CASCADE"), nullable=False
    ),
    Column("alert_id", Uuid),
    Column("revision", Integer),
    Column("type", Text),
    Column("body", Text),
    Column("subject", ID, nullable=False, comment="events about one subject go out in order"),
    Column("state", ID, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", TIME, comment="wall clock; null: at once"),
    Column("leased_until", TIME, comment="wall clock"),
    Column("created_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    CheckConstraint("state IN ('pending', 'held', 'digested', 'delivered', 'dead')", name="state"),
    CheckConstraint(
        "num_nulls(alert_id, revision) = 2 - num_nulls(type, body)"
        " AND num_nulls(alert_id, revision) <> 1",
        name="content",
    ),
    UniqueConstraint("subscription_id", "alert_id", "revision"),
    ForeignKeyConstraint(
        ["alert_id", "revision"],
        ["alert_events.alert_id", "alert_events.revision"],
        ondelete="CASCADE",
    ),
    # Only what waits is ever claimed: these stay small however long the history.
    Index("ix_outbox_pending", "position", postgresql_where="state = 'pending'"),
    Index(
        "ix_outbox_pending_subject",
        "subscription_id",
        "subject",
        "position",
        postgresql_where="state = 'pending'",
    ),
    Index("ix_outbox_held", "next_attempt_at", postgresql_where="state = 'held'"),
    # For lists, newest first.
    Index(None, "position"),
    Index(None, "subscription_id", "position"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("delivery_id", ID, ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    Column("at", TIME, nullable=False, comment="wall clock"),
    Column("outcome", ID, nullable=False),
    Column("status", Integer),
    Column("detail", Text),
    Column("duration_ms", Integer, nullable=False),
    Index(None, "delivery_id"),
)
