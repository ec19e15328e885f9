"""The tables of who may use the API and what they did; all their times are the wall clock's."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.tables import ID, TIME, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 over id and secret"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    Column("expires_at", TIME, comment="wall clock; null: never"),
    Column("last_used_at", TIME, comment="wall clock, to a minute"),
    Column("revoked_at", TIME, comment="wall clock"),
)

# No foreign key: what was done stays told when its key is gone.
audit_log = Table(
    "audit_log",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("at", TIME, nullable=False, server_default=func.now(), comment="wall clock"),
    Column("actor", Text, nullable=False, comment="name of the key, or of who ran the command"),
    Column("key_id", Uuid, comment="null: the key of the settings, or none"),
    Column("action", Text, nullable=False, comment="method and route, or the command"),
    Column("target", Text, nullable=False, comment="path, or what the command was given"),
    Column("address", Text, nullable=False),
    Column("outcome", ID, nullable=False, comment="done, refused or failed"),
    Column("status", Integer, comment="of the response"),
    Index(None, "at"),
)
