"""The sentiment towards each company, the relevance of an item, and what of it counts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ITEMS = """
SELECT i.id, i.published_at, i.title, i.source, i.url, i.language, i.sentiment, i.score,
       i.copy_of,
       ARRAY(SELECT t.topic FROM item_topics AS t WHERE t.item_id = i.id
             ORDER BY t.probability DESC, t.topic) AS topics,
       ARRAY(SELECT n.name FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name{more}) AS entities{columns}
FROM items AS i
"""
_COLUMNS = """,
       ARRAY(SELECT coalesce(m.sentiment, i.sentiment)
             FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name, n.id) AS entity_sentiments,
       ARRAY(SELECT coalesce(m.score, i.score)
             FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name, n.id) AS entity_scores,
       i.relevance, i.is_relevant"""

_ITEM_BEFORE = {
    "copy_of": "Id of the item with the same text within 72 h; null: an account of its own",
    "score": "p(positive) - p(negative), -1 to 1",
    "topics": "Most probable first",
    "entities": "Names, by alphabet",
}
_TRENDS = ("v_trend_5m", "v_trend_1h", "v_trend_1d")
_TREND_BEFORE = {
    "items": "All items, exact copies included",
    "mean_score": "Mean over accounts of p(positive) - p(negative), -1 to 1",
}
_TREND_AFTER = {
    "items": "All items that count, exact copies included",
    "mean_score": "Mean over accounts of p(positive) - p(negative), -1 to 1; in a company's "
    "series towards the company",
}
_ITEM_AFTER = {
    "entity_sentiments": "Towards each of entities, in their order",
    "entity_scores": "The same as p(positive) - p(negative), -1 to 1",
    "relevance": "Probability that it concerns finance; null where the model does not tell",
    "is_relevant": "Whether it counts in the series of the market and of its topics",
}
_DESCRIPTION = "News items with what was found in them, without their bodies"

_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        GRANT SELECT ON v_items TO tapewatch_reader;
    END IF;
END $$
"""


def upgrade() -> None:
    """Add the columns; what is stored already counts as it did."""
    op.add_column(
        "items",
        sa.Column(
            "relevance", sa.Double(), nullable=True, comment="to finance, 0 to 1; null: not told"
        ),
    )
    op.add_column(
        "items",
        sa.Column(
            "is_relevant",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="whether it counts in the series of market and topics",
        ),
    )
    for name in ("p_negative", "p_neutral", "p_positive"):
        op.add_column("item_entities", sa.Column(name, sa.Double(), nullable=True))
    op.add_column(
        "item_entities",
        sa.Column(
            "sentiment",
            sa.Text(collation="C"),
            nullable=True,
            comment="towards the entity; null: that of the item",
        ),
    )
    op.add_column("item_entities", sa.Column("score", sa.Double(), nullable=True))
    op.add_column(
        "item_entities",
        sa.Column(
            "counts",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="in its series",
        ),
    )
    view = _ITEMS.format(more=", n.id", columns=_COLUMNS)
    op.execute(f"CREATE OR REPLACE VIEW v_items AS {view}")
    _comment({"v_items": _ITEM_AFTER, **dict.fromkeys(_TRENDS, _TREND_AFTER)})


def downgrade() -> None:
    """Remove the columns; buckets keep what was counted."""
    op.execute("DROP VIEW v_items")
    op.execute(f"CREATE VIEW v_items AS {_ITEMS.format(more='', columns='')}")
    op.execute(f"COMMENT ON VIEW v_items IS {_quoted(_DESCRIPTION)}")
    _comment({"v_items": _ITEM_BEFORE, **dict.fromkeys(_TRENDS, _TREND_BEFORE)})
    op.execute(_GRANT)
    for name in ("counts", "score", "sentiment", "p_positive", "p_neutral", "p_negative"):
        op.drop_column("item_entities", name)
    op.drop_column("items", "is_relevant")
    op.drop_column("items", "relevance")


def _comment(columns: dict[str, dict[str, str]]) -> None:
    for view, texts in columns.items():
        for column, text in texts.items():
            op.execute(f"COMMENT ON COLUMN {view}.{column} IS {_quoted(text)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
