"""The story of every item, and how many stories each bucket and view tells of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.Text(collation="C")
_NUMBER = "number of the account that began it"

_TREND = """
CREATE {replace} VIEW {name} AS
SELECT t.scope_kind, t.scope_id, coalesce(e.name, t.scope_id) AS name, t.start,
       t.items, t.accounts, t.negative, t.neutral, t.positive,
       (SELECT count(DISTINCT source)
        FROM trend_5m AS b, unnest(b.sources) AS source
        WHERE b.scope_kind = t.scope_kind AND b.scope_id = t.scope_id
            AND b.bucket >= t.start AND b.bucket < t.start + INTERVAL '{step}') AS sources,
       t.negative::float8 / nullif(t.accounts, 0) AS negative_share,
       t.score_sum / nullif(t.accounts, 0) AS mean_score{stories}
FROM (
    SELECT scope_kind, scope_id,
           date_bin('{step}', bucket, TIMESTAMPTZ '2001-01-01 00:00:00+00') AS start,
           sum(items) AS items, sum(accounts) AS accounts, sum(negative) AS negative,
           sum(neutral) AS neutral, sum(positive) AS positive, sum(score_sum) AS score_sum
    FROM trend_5m GROUP BY 1, 2, 3) AS t
LEFT JOIN entities AS e ON t.scope_kind = 'entity' AND e.id = t.scope_id
"""
_TREND_STORIES = """,
       (SELECT count(DISTINCT story)
        FROM trend_5m AS b, unnest(b.stories) AS story
        WHERE b.scope_kind = t.scope_kind AND b.scope_id = t.scope_id
            AND b.bucket >= t.start AND b.bucket < t.start + INTERVAL '{step}') AS stories"""
_STEPS = {"v_trend_5m": "5 minutes", "v_trend_1h": "1 hour", "v_trend_1d": "1 day"}

_ITEMS = """
CREATE {replace} VIEW v_items AS
SELECT i.id, i.published_at, i.title, i.source, i.url, i.language, i.sentiment, i.score,
       i.copy_of,
       ARRAY(SELECT t.topic FROM item_topics AS t WHERE t.item_id = i.id
             ORDER BY t.probability DESC, t.topic) AS topics,
       ARRAY(SELECT n.name FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name, n.id) AS entities,
       ARRAY(SELECT coalesce(m.sentiment, i.sentiment)
             FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name, n.id) AS entity_sentiments,
       ARRAY(SELECT coalesce(m.score, i.score)
             FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name, n.id) AS entity_scores,
       i.relevance, i.is_relevant, i.stored_at{story}
FROM items AS i{join}
"""

_EVIDENCE = """
CREATE {replace} VIEW v_alert_evidence AS
SELECT v.alert_id, v.revision, e.type AS event, v.rank, v.item_id, v.published_at, v.source,
       v.title, v.url, v.language, v.sentiment, v.score{story}
FROM alert_evidence AS v JOIN alert_events AS e USING (alert_id, revision)
"""

_VIEWS = (*_STEPS, "v_items", "v_alert_evidence")
_TELLS = "Equal for items that tell one story; null: stored before stories were told"
_COMMENTS = {
    **{f"{view}.stories": "Distinct stories that the accounts tell" for view in _STEPS},
    "v_items.story": _TELLS,
    "v_alert_evidence.story": _TELLS,
}
_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        GRANT SELECT ON {views} TO tapewatch_reader;
    END IF;
END $$
"""


def upgrade() -> None:
    """Add stories; what is stored already tells none, so that buckets equal a recount."""
    op.create_table(
        "item_stories",
        sa.Column("item_id", _ID, nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False, comment=_NUMBER),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
            name=op.f("fk_item_stories_item_id_items"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item_stories")),
        comment="The story that each item tells; a copy that of its account",
    )
    op.create_index(op.f("ix_item_stories_story"), "item_stories", ["story"])
    op.add_column(
        "recent_accounts",
        sa.Column("story", sa.BigInteger(), nullable=True, comment=f"{_NUMBER}; null: its own"),
    )
    op.add_column(
        "recent_accounts",
        sa.Column(
            "vector",
            sa.LargeBinary(),
            server_default="",
            nullable=False,
            comment="of the classifier",
        ),
    )
    op.add_column(
        "trend_5m",
        sa.Column(
            "stories",
            ARRAY(sa.BigInteger()),
            server_default="{}",
            nullable=False,
            comment="distinct, of accounts; empty where none were told yet",
        ),
    )
    op.add_column("alert_evidence", sa.Column("story", sa.BigInteger(), nullable=True))
    for name, step in _STEPS.items():
        stories = _TREND_STORIES.format(step=step)
        op.execute(_TREND.format(replace="OR REPLACE", name=name, step=step, stories=stories))
    join = "\nLEFT JOIN item_stories AS s ON s.item_id = i.id"
    op.execute(_ITEMS.format(replace="OR REPLACE", story=", s.story", join=join))
    op.execute(_EVIDENCE.format(replace="OR REPLACE", story=", v.story"))
    _comment(_COMMENTS)


def downgrade() -> None:
    """Remove stories; the views come back without them, their comments with them."""
    kept = {name: text for view in _VIEWS for name, text in _comments(view).items()}
    for view in _VIEWS:
        op.execute(f"DROP VIEW {view}")
    for name, step in _STEPS.items():
        op.execute(_TREND.format(replace="", name=name, step=step, stories=""))
    op.execute(_ITEMS.format(replace="", story="", join=""))
    op.execute(_EVIDENCE.format(replace="", story=""))
    _comment({name: text for name, text in kept.items() if name not in _COMMENTS})
    op.execute(_GRANT.format(views=", ".join(_VIEWS)))
    op.drop_column("alert_evidence", "story")
    op.drop_column("trend_5m", "stories")
    op.drop_column("recent_accounts", "vector")
    op.drop_column("recent_accounts", "story")
    op.drop_table("item_stories")


def _comments(view: str) -> dict[str, str]:
    """Return the comments of a view, by its name, and of its columns."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT concat_ws('.', CAST(:view AS text), a.attname), d.description "
            "FROM pg_description AS d "
            "LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid "
            "AND d.objsubid > 0 WHERE d.objoid = CAST(:view AS regclass) "
            "AND d.classoid = CAST('pg_class' AS regclass)"
        ),
        {"view": view},
    )
    return {row[0]: row[1] for row in rows}


def _comment(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        what = "COLUMN" if "." in name else "VIEW"
        quoted = text.replace("'", "''")
        op.execute(f"COMMENT ON {what} {name} IS '{quoted}'")
