"""More filters for subscriptions, quiet hours, digests, pauses; watchlists and sectors."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_FILTERS = ("watchlists", "sectors", "languages", "detectors")


def upgrade() -> None:
    """Create tables and columns."""
    for name in _FILTERS:
        op.add_column(
            "subscriptions",
            sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        )
    for column in (
        sa.Column("quiet_start", sa.Time(), comment="of local time"),
        sa.Column("quiet_end", sa.Time(), comment="of local time"),
        sa.Column(
            "digest_at",
            postgresql.ARRAY(sa.Time()),
            server_default="{}",
            nullable=False,
            comment="of local time; empty: each alert at once",
        ),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column(
            "critical_passes",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="critical alerts go at once",
        ),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("subscriptions", column)
    op.create_check_constraint(
        op.f("ck_subscriptions_quiet"),
        "subscriptions",
        "(quiet_start IS NULL) = (quiet_end IS NULL)",
    )
    op.create_table(
        "watchlists",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("entities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watchlists")),
    )
    op.create_table(
        "company_sectors",
        sa.Column("entity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entity_id", name=op.f("pk_company_sectors")),
    )
    _set_states("'pending', 'held', 'digested', 'delivered', 'dead'")
    op.create_index(
        "ix_outbox_held",
        "outbox",
        ["next_attempt_at"],
        postgresql_where=sa.text("state = 'held'"),
    )


def downgrade() -> None:
    """Remove them; what was held is sent at once."""
    op.execute("UPDATE outbox SET state = 'pending', next_attempt_at = NULL WHERE state = 'held'")
    op.execute("UPDATE outbox SET state = 'delivered' WHERE state = 'digested'")
    op.drop_index("ix_outbox_held", "outbox")
    _set_states("'pending', 'delivered', 'dead'")
    op.drop_table("company_sectors")
    op.drop_table("watchlists")
    op.drop_constraint(op.f("ck_subscriptions_quiet"), "subscriptions")
    for name in ("quiet_start", "quiet_end", "digest_at", "time_zone", "critical_passes", "paused"):
        op.drop_column("subscriptions", name)
    for name in _FILTERS:
        op.drop_column("subscriptions", name)


def _set_states(states: str) -> None:
    op.drop_constraint(op.f("ck_outbox_state"), "outbox")
    op.create_check_constraint(op.f("ck_outbox_state"), "outbox", f"state IN ({states})")
