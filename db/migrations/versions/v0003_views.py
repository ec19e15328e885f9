"""Views for readers, and the role that may read them and nothing else."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TREND = """
CREATE VIEW {name} AS
SELECT t.scope_kind, t.scope_id, coalesce(e.name, t.scope_id) AS name, t.start,
       t.items, t.accounts, t.negative, t.neutral, t.positive,
       (SELECT count(DISTINCT source)
        FROM trend_5m AS b, unnest(b.sources) AS source
        WHERE b.scope_kind = t.scope_kind AND b.scope_id = t.scope_id
            AND b.bucket >= t.start AND b.bucket < t.start + INTERVAL '{step}') AS sources,
       t.negative::float8 / nullif(t.accounts, 0) AS negative_share,
       t.score_sum / nullif(t.accounts, 0) AS mean_score
FROM (
    SELECT scope_kind, scope_id,
           date_bin('{step}', bucket, TIMESTAMPTZ '2001-01-01 00:00:00+00') AS start,
           sum(items) AS items, sum(accounts) AS accounts, sum(negative) AS negative,
           sum(neutral) AS neutral, sum(positive) AS positive, sum(score_sum) AS score_sum
    FROM trend_5m GROUP BY 1, 2, 3) AS t
LEFT JOIN entities AS e ON t.scope_kind = 'entity' AND e.id = t.scope_id
"""

_ALERTS = """
CREATE VIEW v_alerts AS
SELECT id, detector, severity, state, scope_kind, scope_id, scope_name, fired_at, updated_at,
       resolved_at, window_start, window_end, observed, expected, items, accounts, stories,
       sources, languages, revision
FROM alerts
"""

_EVIDENCE = """
CREATE VIEW v_alert_evidence AS
SELECT v.alert_id, v.revision, e.type AS event, v.rank, v.item_id, v.published_at, v.source,
       v.title, v.url, v.language, v.sentiment, v.score
FROM alert_evidence AS v JOIN alert_events AS e USING (alert_id, revision)
"""

_ITEMS = """
CREATE VIEW v_items AS
SELECT i.id, i.published_at, i.title, i.source, i.url, i.language, i.sentiment, i.score,
       i.copy_of,
       ARRAY(SELECT t.topic FROM item_topics AS t WHERE t.item_id = i.id
             ORDER BY t.probability DESC, t.topic) AS topics,
       ARRAY(SELECT n.name FROM item_entities AS m JOIN entities AS n ON n.id = m.entity_id
             WHERE m.item_id = i.id ORDER BY n.name) AS entities
FROM items AS i
"""

_TREND_COMMENT = (
    "Each series (market, topic, entity) in buckets of {step} of event time, UTC; "
    "buckets without news are absent"
)
_COMMENTS = {
    "v_trend_5m": _TREND_COMMENT.format(step="5 minutes"),
    "v_trend_1h": _TREND_COMMENT.format(step="an hour"),
    "v_trend_1d": _TREND_COMMENT.format(step="a day"),
    "v_alerts": "Alerts as they stand now; all times are event times",
    "v_alert_evidence": "The items that tell most, as they were when each event was said",
    "v_items": "News items with what was found in them, without their bodies",
}
_TREND_COLUMNS = {
    "scope_kind": "market, topic or entity",
    "start": "Start of the bucket",
    "items": "All items, exact copies included",
    "accounts": "Items that are no exact copies; negative + neutral + positive",
    "sources": "Distinct sources of accounts",
    "negative_share": "negative / accounts; null without accounts",
    "mean_score": "Mean over accounts of p(positive) - p(negative), -1 to 1",
}
_COLUMN_COMMENTS = {
    **dict.fromkeys(("v_trend_5m", "v_trend_1h", "v_trend_1d"), _TREND_COLUMNS),
    "v_alerts": {
        "state": "firing or resolved",
        "observed": "Negative accounts in the window, a source counted once an hour",
        "expected": "The same as the series' own history makes it expected",
        "revision": "Counts the events about the alert",
    },
    "v_alert_evidence": {
        "event": "alert.fired, alert.updated or alert.resolved",
        "rank": "1 tells most",
        "score": "p(positive) - p(negative), -1 to 1",
    },
    "v_items": {
        "copy_of": "Id of the item with the same text within 72 h; null: an account of its own",
        "score": "p(positive) - p(negative), -1 to 1",
        "topics": "Most probable first",
        "entities": "Names, by alphabet",
    },
}

# A role belongs to the whole server: another database may have made it, and not everyone may.
_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        CREATE ROLE tapewatch_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role tapewatch_reader was not created: % may not create roles. '
            'Let an administrator create it and grant it the views (docs/sql.md).', current_user;
END $$
"""

_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO tapewatch_reader', current_schema());
        GRANT SELECT ON {views} TO tapewatch_reader;
    END IF;
END $$
"""


def upgrade() -> None:
    """Create the views and the role."""
    for name, step in (("5m", "5 minutes"), ("1h", "1 hour"), ("1d", "1 day")):
        op.execute(_TREND.format(name=f"v_trend_{name}", step=step))
    for statement in (_ALERTS, _EVIDENCE, _ITEMS):
        op.execute(statement)
    for view, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON VIEW {view} IS {_quoted(comment)}")
        for column, text in _COLUMN_COMMENTS[view].items():
            op.execute(f"COMMENT ON COLUMN {view}.{column} IS {_quoted(text)}")
    op.execute(_ROLE)
    op.execute(_GRANT.format(views=", ".join(_COMMENTS)))


def downgrade() -> None:
    """Drop the views; the role stays, for other databases may use it."""
    for view in _COMMENTS:
        op.execute(f"DROP VIEW {view}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
