"""Indexes by which a company is found by its name or id in any case."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_COLUMNS = ("id", "name")


def upgrade() -> None:
    """Add one a column."""
    for column in _COLUMNS:
        op.create_index(f"ix_entities_lower_{column}", "entities", [sa.text(f"lower({column})")])


def downgrade() -> None:
    """Drop both."""
    for column in _COLUMNS:
        op.drop_index(f"ix_entities_lower_{column}", "entities")
