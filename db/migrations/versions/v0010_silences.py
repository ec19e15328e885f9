"""Silences, and what people made of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.Text(collation="C")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "silences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope_kind", _ID, nullable=True),
        sa.Column("scope_id", _ID, nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("severity", _ID, nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            _TIME,
            nullable=False,
            server_default=sa.func.now(),
            comment="wall clock",
        ),
        sa.Column("ends_at", _TIME, nullable=False, comment="wall clock"),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])
    op.create_table(
        "acknowledgements",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", _ID, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False, server_default=sa.func.now(), comment="wall clock"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_acknowledgements"),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
            name="fk_acknowledgements_alert_id_alerts",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Remove the tables with what is in them."""
    op.drop_table("acknowledgements")
    op.drop_table("silences")
