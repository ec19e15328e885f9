"""Subscriptions to chat and mail, and the language of their messages."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "subscriptions",
        sa.Column("kind", sa.Text(collation="C"), server_default="webhook", nullable=False),
    )
    op.add_column(
        "subscriptions",
        sa.Column(
            "language",
            sa.Text(collation="C"),
            server_default="en",
            nullable=False,
            comment="of messages to chat and mail",
        ),
    )
    op.create_check_constraint(
        op.f("ck_subscriptions_kind"), "subscriptions", "kind IN ('webhook', 'chat')"
    )
    op.alter_column(
        "subscriptions",
        "secret",
        comment="encrypted: what signs, or the URL of a chat",
        existing_comment="encrypted",
    )


def downgrade() -> None:
    """Remove the columns, and subscriptions that are no webhooks."""
    op.execute("DELETE FROM subscriptions WHERE kind <> 'webhook'")
    op.alter_column(
        "subscriptions",
        "secret",
        comment="encrypted",
        existing_comment="encrypted: what signs, or the URL of a chat",
    )
    op.drop_constraint(op.f("ck_subscriptions_kind"), "subscriptions")
    op.drop_column("subscriptions", "language")
    op.drop_column("subscriptions", "kind")
