"""How far detection has read the news in the order of its storing."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; empty, all series are looked at once."""
    op.add_column(
        "detect_states",
        sa.Column(
            "seen",
            sa.BigInteger(),
            nullable=True,
            comment="all transactions before this one were read",
        ),
    )


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("detect_states", "seen")
