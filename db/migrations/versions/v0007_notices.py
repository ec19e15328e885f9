"""Events that are about no alert, endpoints that fail for long, several secrets at once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WALL_CLOCK = "wall clock"
_CONTENT = (
    "num_nulls(alert_id, revision) = 2 - num_nulls(type, body)"
    " AND num_nulls(alert_id, revision) <> 1"
)


def upgrade() -> None:
    """Add columns and indexes; move secrets that still sign to their own table."""
    _upgrade_subscriptions()
    for name in ("alert_id", "revision"):
        op.alter_column("outbox", name, nullable=True)
    op.add_column("outbox", sa.Column("type", sa.Text()))
    op.add_column("outbox", sa.Column("body", sa.Text()))
    op.add_column(
        "outbox",
        sa.Column(
            "subject", sa.Text(collation="C"), comment="events about one subject go out in order"
        ),
    )
    op.add_column(
        "outbox",
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment=_WALL_CLOCK,
        ),
    )
    op.execute("UPDATE outbox SET subject = alert_id::text")
    op.execute("""
        UPDATE outbox SET created_at = first.at
        FROM (SELECT delivery_id, min(at) AS at FROM delivery_attempts GROUP BY 1) AS first
        WHERE first.delivery_id = outbox.id""")
    op.alter_column("outbox", "subject", nullable=False)
    op.create_check_constraint(op.f("ck_outbox_content"), "outbox", _CONTENT)
    op.create_index(
        "ix_outbox_pending_subject",
        "outbox",
        ["subscription_id", "subject", "position"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_outbox_position"), "outbox", ["position"])
    op.create_index(
        op.f("ix_outbox_subscription_id_position"), "outbox", ["subscription_id", "position"]
    )


def _upgrade_subscriptions() -> None:
    op.add_column(
        "subscriptions",
        sa.Column(
            "operations",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="whether it is also told of the watch itself",
        ),
    )
    op.add_column(
        "subscriptions",
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            comment="wall clock; the first failure since the last success",
        ),
    )
    op.add_column(
        "subscriptions",
        sa.Column(
            "wait_until",
            sa.DateTime(timezone=True),
            comment="wall clock; by the endpoint's Retry-After",
        ),
    )
    op.create_table(
        "old_secrets",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="encrypted"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment=_WALL_CLOCK),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_old_secrets_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "secret", name=op.f("pk_old_secrets")),
    )
    op.execute("""
        INSERT INTO old_secrets (subscription_id, secret, until)
        SELECT id, old_secret, old_secret_until FROM subscriptions
        WHERE old_secret IS NOT NULL AND old_secret_until > now()""")
    op.drop_column("subscriptions", "old_secret")
    op.drop_column("subscriptions", "old_secret_until")


def downgrade() -> None:
    """Remove them: events about no alert are lost, and of the old secrets the last one stays."""
    op.execute("DELETE FROM outbox WHERE alert_id IS NULL")
    op.drop_index(op.f("ix_outbox_subscription_id_position"), "outbox")
    op.drop_index(op.f("ix_outbox_position"), "outbox")
    op.drop_index("ix_outbox_pending_subject", "outbox")
    op.drop_constraint(op.f("ck_outbox_content"), "outbox")
    for name in ("created_at", "subject", "body", "type"):
        op.drop_column("outbox", name)
    for name in ("alert_id", "revision"):
        op.alter_column("outbox", name, nullable=False)
    op.add_column(
        "subscriptions",
        sa.Column("old_secret", sa.LargeBinary(), comment="encrypted; signs as well until it ends"),
    )
    op.add_column(
        "subscriptions",
        sa.Column("old_secret_until", sa.DateTime(timezone=True), comment=_WALL_CLOCK),
    )
    op.execute("""
        UPDATE subscriptions SET old_secret = last.secret, old_secret_until = last.until
        FROM (SELECT DISTINCT ON (subscription_id) * FROM old_secrets
              ORDER BY subscription_id, until DESC) AS last
        WHERE last.subscription_id = subscriptions.id""")
    op.drop_table("old_secrets")
    for name in ("wait_until", "failing_since", "operations"):
        op.drop_column("subscriptions", name)
