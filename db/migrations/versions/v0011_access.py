"""API keys, and the log of what was done and refused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Text(collation="C")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 over id and secret"),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            _TIME,
            nullable=False,
            server_default=sa.text("now()"),
            comment="wall clock",
        ),
        sa.Column("expires_at", _TIME, nullable=True, comment="wall clock; null: never"),
        sa.Column("last_used_at", _TIME, nullable=True, comment="wall clock, to a minute"),
        sa.Column("revoked_at", _TIME, nullable=True, comment="wall clock"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "audit_log",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", _TIME, nullable=False, server_default=sa.text("now()"), comment="wall clock"
        ),
        sa.Column(
            "actor",
            sa.Text(),
            nullable=False,
            comment="name of the key, or of who ran the command",
        ),
        sa.Column(
            "key_id", sa.Uuid(), nullable=True, comment="null: the key of the settings, or none"
        ),
        sa.Column("action", sa.Text(), nullable=False, comment="method and route, or the command"),
        sa.Column(
            "target", sa.Text(), nullable=False, comment="path, or what the command was given"
        ),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("outcome", _ID, nullable=False, comment="done, refused or failed"),
        sa.Column("status", sa.Integer(), nullable=True, comment="of the response"),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"])


def downgrade() -> None:
    """Remove the tables, and with them every key but that of the settings."""
    op.drop_table("audit_log")
    op.drop_table("api_keys")
