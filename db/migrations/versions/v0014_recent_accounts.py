"""The accounts of the last days, in the order in which they were stored: near copies are told."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TEXTS = "The account that {} within 72 h are copies of"
_VIEWS = ("v_trend_5m", "v_trend_1h", "v_trend_1d")
# Column of a view -> what it is before and after.
_COMMENTS = {
    "v_items.copy_of": (
        "Id of the item with the same text within 72 h; null: an account of its own",
        "Id of the account within 72 h whose text it repeats, word for word or nearly; "
        "null: an account of its own",
    ),
    **{
        f"{view}.items": (
            "All items that count, exact copies included",
            "All items that count, copies included",
        )
        for view in _VIEWS
    },
    **{
        f"{view}.accounts": (
            "Items that are no exact copies; negative + neutral + positive",
            "Items that are no copies; negative + neutral + positive",
        )
        for view in _VIEWS
    },
}


def upgrade() -> None:
    """Create the table, with the accounts of the last 72 hours in it."""
    op.create_table(
        "recent_accounts",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_recent_accounts")),
        comment="Accounts of the last 72 h in the order in which they were stored",
    )
    op.create_index(op.f("ix_recent_accounts_published_at"), "recent_accounts", ["published_at"])
    op.execute("""
        INSERT INTO recent_accounts (item_id, published_at)
        SELECT id, published_at FROM items
        WHERE copy_of IS NULL
            AND published_at > (SELECT max(published_at) FROM items) - INTERVAL '72 hours'
        ORDER BY published_at, id""")
    _comment(1)


def downgrade() -> None:
    """Drop it; what was marked as a near copy stays one."""
    op.drop_table("recent_accounts")
    _comment(0)


def _comment(which: int) -> None:
    op.create_table_comment("texts", _TEXTS.format(("exact copies", "copies of a text")[which]))
    for column, texts in _COMMENTS.items():
        text = texts[which].replace("'", "''")
        op.execute(f"COMMENT ON COLUMN {column} IS '{text}'")
