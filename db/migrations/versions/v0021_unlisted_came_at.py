"""When a company came, so that new ones that no list has can be bounded."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for what is there, and its index."""
    came_at = sa.Column(
        "came_at",
        sa.DateTime(timezone=True),
        nullable=True,
        comment="newest event time stored when it came",
    )
    op.add_column("entities", came_at)
    op.create_index(
        "ix_entities_unlisted",
        "entities",
        ["came_at"],
        postgresql_where=sa.text("kind = 'unlisted'"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_entities_unlisted", "entities")
    op.drop_column("entities", "came_at")
