"""How far each series stood out on each day: the alert budget reads its threshold from it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "detect_ranks",
        sa.Column("detector", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="of event time, UTC"),
        sa.Column("scope_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("scope_id", sa.Text(collation="C"), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False, comment="the day's highest"),
        sa.PrimaryKeyConstraint(
            "detector", "day", "scope_kind", "scope_id", name=op.f("pk_detect_ranks")
        ),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("detect_ranks")
