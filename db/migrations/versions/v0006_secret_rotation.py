"""The secret before the last, which signs as well for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "subscriptions",
        sa.Column(
            "old_secret",
            sa.LargeBinary(),
            nullable=True,
            comment="encrypted; signs as well until it ends",
        ),
    )
    op.add_column(
        "subscriptions",
        sa.Column(
            "old_secret_until", sa.DateTime(timezone=True), nullable=True, comment="wall clock"
        ),
    )


def downgrade() -> None:
    """Remove the columns: a rotated secret alone signs then."""
    op.drop_column("subscriptions", "old_secret_until")
    op.drop_column("subscriptions", "old_secret")
