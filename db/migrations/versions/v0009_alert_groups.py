"""Which alert speaks for another one, and why an alert fired."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; alerts of before have no rule and no reasons."""
    op.add_column("alerts", sa.Column("rule", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "alerts",
        sa.Column("suppressed_by", sa.Uuid(), comment="the alert that tells the same news"),
    )
    op.add_column(
        "alerts", sa.Column("flapping", sa.Boolean(), nullable=False, server_default="false")
    )
    op.add_column("alerts", sa.Column("related", JSONB(), nullable=False, server_default="[]"))
    op.add_column("alerts", sa.Column("reasons", JSONB()))


def downgrade() -> None:
    """Remove the columns."""
    for name in ("reasons", "related", "flapping", "suppressed_by", "rule"):
        op.drop_column("alerts", name)
