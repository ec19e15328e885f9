"""A view of the sources: until when each was heard, and how late its items come."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# What comes two days late or more was no news any more: an archive, or a first poll.
_SOURCES = """
CREATE VIEW v_sources AS
SELECT source, max(published_at) AS newest_at, count(*) AS items,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_s) AS lag_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY lag_s) AS lag_p95_s
FROM (
    SELECT source, published_at,
           CASE WHEN stored_at < published_at + INTERVAL '2 days' THEN
               greatest(extract(epoch FROM stored_at - published_at), 0)::float8 END AS lag_s
    FROM items
    WHERE published_at > (SELECT max(published_at) FROM items) - INTERVAL '7 days') AS recent
GROUP BY source
"""
_VIEW = "Sources of the last seven days of news"
_COLUMNS = {
    "newest_at": "Event time of its newest item",
    "items": "Of these seven days, copies included",
    "lag_s": "Seconds from event time to the database: median; null for an archive",
    "lag_p95_s": "The same: all but 5 % came sooner",
}
_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_reader') THEN
        GRANT SELECT ON v_sources TO tapewatch_reader;
    END IF;
END $$
"""


def upgrade() -> None:
    """Create the view; readers may read it."""
    op.execute(_SOURCES)
    op.execute(f"COMMENT ON VIEW v_sources IS '{_VIEW}'")
    for column, text in _COLUMNS.items():
        op.execute(f"COMMENT ON COLUMN v_sources.{column} IS '{text}'")
    op.execute(_GRANT)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP VIEW v_sources")
