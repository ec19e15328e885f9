"""The view of alerts with their rule, who speaks for them, and what people made of them."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_VIEW = """
CREATE {replace} VIEW v_alerts AS
SELECT a.id, a.detector, a.severity, a.state, a.scope_kind, a.scope_id, a.scope_name, a.fired_at,
       a.updated_at, a.resolved_at, a.window_start, a.window_end, a.observed, a.expected, a.items,
       a.accounts, a.stories, a.sources, a.languages, a.revision{more}
FROM alerts AS a
"""
# No join: a reader who tries to write must hear that he may not, not that the view cannot.
_MORE = """,
       a.rule, a.suppressed_by,
       (SELECT j.verdict FROM acknowledgements AS j WHERE j.alert_id = a.id) AS verdict"""
_COMMENTS = {
    "rule": "Name of the rule that decided",
    "suppressed_by": "Id of the alert that tells the same news; null: this one was sent",
    "verdict": "What somebody made of it; null: nobody said",
}
_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        GRANT SELECT ON v_alerts TO tapewatch_reader;
    END IF;
END $$
"""


def upgrade() -> None:
    """Add the columns at the end; who may read the view still may."""
    op.execute(_VIEW.format(replace="OR REPLACE", more=_MORE))
    for column, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN v_alerts.{column} IS '{comment}'")


def downgrade() -> None:
    """Take the columns away again."""
    op.execute("DROP VIEW v_alerts")
    op.execute(_VIEW.format(replace="", more=""))
    op.execute(_GRANT)
