"""News items, their labels, and trend buckets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "items",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(collation="C"), nullable=False),
        sa.Column("text_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("p_negative", sa.Double(), nullable=False),
        sa.Column("p_neutral", sa.Double(), nullable=False),
        sa.Column("p_positive", sa.Double(), nullable=False),
        sa.Column("sentiment", sa.Text(collation="C"), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("copy_of", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "stored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="wall clock",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
    )
    op.create_index(op.f("ix_items_published_at"), "items", ["published_at"], unique=False)
    op.create_table(
        "topics",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
    )
    op.create_table(
        "entities",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
    )
    op.create_table(
        "item_topics",
        sa.Column("topic", sa.Text(collation="C"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.id"], name=op.f("fk_item_topics_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["topic"], ["topics.id"], name=op.f("fk_item_topics_topic")),
        sa.PrimaryKeyConstraint("topic", "published_at", "item_id", name=op.f("pk_item_topics")),
    )
    op.create_index(op.f("ix_item_topics_item_id"), "item_topics", ["item_id"], unique=False)
    op.create_table(
        "item_entities",
        sa.Column("entity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_item_entities_entity_id")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.id"], name=op.f("fk_item_entities_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "entity_id", "published_at", "item_id", name=op.f("pk_item_entities")
        ),
    )
    op.create_index(op.f("ix_item_entities_item_id"), "item_entities", ["item_id"], unique=False)
    op.create_table(
        "texts",
        sa.Column("text_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("first_item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("text_hash", name=op.f("pk_texts")),
        comment="The account that exact copies within 72 h are copies of",
    )
    op.create_table(
        "trend_5m",
        sa.Column("scope_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("scope_id", sa.Text(collation="C"), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.Column("language", sa.Text(collation="C"), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False),
        sa.Column("neutral", sa.Integer(), nullable=False),
        sa.Column("positive", sa.Integer(), nullable=False),
        sa.Column("score_sum", sa.Double(), nullable=False, comment="over accounts"),
        sa.Column(
            "sources", postgresql.ARRAY(sa.Text()), nullable=False, comment="distinct, of accounts"
        ),
        sa.Column(
            "negative_sources",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="of negative accounts",
        ),
        sa.PrimaryKeyConstraint(
            "scope_kind", "scope_id", "bucket", "language", name=op.f("pk_trend_5m")
        ),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        op.f("ix_trend_5m_bucket_scope_kind"), "trend_5m", ["bucket", "scope_kind"], unique=False
    )
    op.create_table(
        "partition_progress",
        sa.Column("topic", sa.Text(collation="C"), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_partition_progress")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("partition_progress")
    op.drop_table("trend_5m")
    op.drop_table("texts")
    op.drop_table("item_entities")
    op.drop_table("item_topics")
    op.drop_table("entities")
    op.drop_table("topics")
    op.drop_table("items")
