"""When each source was heard, kept at the insert; and since when a text has its account."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

# What the watch over silent sources looks back upon.
_FILL = """
INSERT INTO source_slots (slot, source, items, newest_at, lag_s)
SELECT date_bin('5 minutes', published_at, TIMESTAMPTZ '2001-01-01 00:00+00'), source,
       count(*), max(published_at),
       min(CASE WHEN stored_at < published_at + INTERVAL '2 days' THEN
           greatest(extract(epoch FROM stored_at - published_at), 0)::float8 END)
FROM items
WHERE published_at > (SELECT max(published_at) FROM items) - INTERVAL '28 days'
GROUP BY 1, 2
"""


def upgrade() -> None:
    """Create the table from the items of four weeks, and the column with its index."""
    op.create_table(
        "source_slots",
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "lag_s", sa.Double(), nullable=True, comment="of the first to come; null: an archive's"
        ),
        sa.PrimaryKeyConstraint("slot", "source", name=op.f("pk_source_slots")),
        comment="Five minutes of event time in which a source was heard, copies included",
        postgresql_with={"fillfactor": 70},
    )
    op.execute(_FILL)
    stored_at = sa.Column(
        "stored_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="wall clock",
    )
    op.add_column("texts", stored_at)
    op.create_index("ix_texts_stored_at", "texts", ["stored_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_texts_stored_at", "texts")
    op.drop_column("texts", "stored_at")
    op.drop_table("source_slots")
