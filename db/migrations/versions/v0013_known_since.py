"""Since when each thing was known, and views to ask by it; views of what was said and delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_COMMENT = "wall clock; event time where it was said before this column"

_ITEMS = """
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
       i.relevance, i.is_relevant{more}
FROM items AS i
"""

# What a receiver was told, as it was told: the body is never written again.
_EVENTS = """
CREATE VIEW v_alert_events AS
SELECT e.alert_id, e.revision, e.type AS event, e.at, e.stored_at,
       d.data -> 'scope' ->> 'kind' AS scope_kind, d.data -> 'scope' ->> 'id' AS scope_id,
       d.data -> 'scope' ->> 'name' AS scope_name, d.data ->> 'severity' AS severity,
       CAST(d.data ->> 'observed' AS float8) AS observed,
       CAST(d.data ->> 'expected' AS float8) AS expected
FROM alert_events AS e, LATERAL (SELECT CAST(e.body AS jsonb) -> 'data' AS data) AS d
"""

# No address: it may hold a token.
_DELIVERIES = """
CREATE VIEW v_deliveries AS
SELECT o.id, o.subscription_id, s.description AS subscription, o.alert_id, o.revision,
       coalesce(o.type, e.type) AS event, o.state, o.attempts, o.created_at,
       a.at AS last_attempt_at, a.outcome AS last_outcome, a.status AS last_status
FROM outbox AS o
JOIN subscriptions AS s ON s.id = o.subscription_id
LEFT JOIN alert_events AS e ON e.alert_id = o.alert_id AND e.revision = o.revision
LEFT JOIN LATERAL (
    SELECT at, outcome, status FROM delivery_attempts
    WHERE delivery_id = o.id ORDER BY id DESC LIMIT 1) AS a ON true
"""

_VIEWS = {
    "v_alert_events": "All that was said about alerts, as it was said; nothing is changed later",
    "v_deliveries": "What was sent, or waits to be; all its times are the wall clock's",
}
_COLUMNS = {
    "v_items": {"stored_at": "Wall clock: since when it was known; an item never changes"},
    "v_alert_events": {
        "at": "Event time",
        "stored_at": "Wall clock: since when it was known",
    },
    "v_deliveries": {
        "subscription": "Its description",
        "event": "What the delivery tells",
        "state": "pending and delivered, or dead: given up",
        "attempts": "Made since it was stored or last replayed",
    },
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
    """Add the column and the views."""
    op.add_column("alert_events", sa.Column("stored_at", _TIME, nullable=True, comment=_COMMENT))
    op.execute("UPDATE alert_events SET stored_at = at")
    op.alter_column("alert_events", "stored_at", nullable=False, server_default=sa.text("now()"))
    op.execute(f"CREATE OR REPLACE VIEW v_items AS {_ITEMS.format(more=', i.stored_at')}")
    op.execute(_EVENTS)
    op.execute(_DELIVERIES)
    for view, text in _VIEWS.items():
        op.execute(f"COMMENT ON VIEW {view} IS {_quoted(text)}")
    for view, columns in _COLUMNS.items():
        for column, text in columns.items():
            op.execute(f"COMMENT ON COLUMN {view}.{column} IS {_quoted(text)}")
    op.execute(_GRANT.format(views=", ".join(_VIEWS)))


def downgrade() -> None:
    """Remove the views and the column."""
    for view in _VIEWS:
        op.execute(f"DROP VIEW {view}")
    kept = _comments("v_items")
    op.execute("DROP VIEW v_items")
    op.execute(f"CREATE VIEW v_items AS {_ITEMS.format(more='')}")
    for column, text in kept.items():
        what = f"COLUMN v_items.{column}" if column else "VIEW v_items"
        op.execute(f"COMMENT ON {what} IS {_quoted(text)}")
    op.execute(_GRANT.format(views="v_items"))
    op.drop_column("alert_events", "stored_at")


def _comments(view: str) -> dict[str, str]:
    """Return the comments of a view's columns but the newest, and by "" its own."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT coalesce(a.attname, ''), d.description FROM pg_description AS d "
            "LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid "
            "AND d.objsubid > 0 WHERE d.objoid = CAST(:view AS regclass) "
            "AND d.classoid = CAST('pg_class' AS regclass)"
        ),
        {"view": view},
    )
    return {column: text for column, text in rows if column != "stored_at"}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
