"""Trend buckets in partitions, one a month, so that old months are dropped and not deleted."""

from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_VIEWS = ("v_trend_5m", "v_trend_1h", "v_trend_1d")
_KEY = ("scope_kind", "scope_id", "bucket", "language")
_FILL = "WITH (fillfactor = 70)"

# This month, the next one, and those before of which there is much.
_MONTHS = """
SELECT start, start + INTERVAL '1 month'
FROM (SELECT date_trunc('month', now(), 'UTC') + n * INTERVAL '1 month' AS start
      FROM generate_series(0, 1) AS n
      UNION
      SELECT date_trunc('month', bucket, 'UTC') FROM trend_5m_before
      WHERE bucket < now() GROUP BY 1 HAVING count(*) >= 10000) AS months
ORDER BY start
"""

# A scheduler of the version before deletes by ctid, which would hit a row in every partition. It
# takes this error for a database that is away, and goes on when it is replaced.
_REFUSE = """
CREATE FUNCTION trend_5m_delete_by_partition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'delete from the partitions of trend_5m, not from all of them at once'
        USING ERRCODE = 'object_in_use';
END $$
"""
_GUARD = """
CREATE TRIGGER delete_by_partition BEFORE DELETE ON trend_5m
    FOR EACH STATEMENT EXECUTE FUNCTION trend_5m_delete_by_partition()
"""


def upgrade() -> None:
    """Copy the buckets to a table with partitions; whoever stores waits as long."""
    views = _put_aside()
    op.execute(
        "CREATE TABLE trend_5m (LIKE trend_5m_before INCLUDING ALL EXCLUDING INDEXES) "
        "PARTITION BY RANGE (bucket)"
    )
    op.execute(f"CREATE TABLE trend_5m_default PARTITION OF trend_5m DEFAULT {_FILL}")
    for since, until in op.get_bind().execute(sa.text(_MONTHS)).all():
        start, end = since.astimezone(UTC), until.astimezone(UTC)
        op.execute(
            f"CREATE TABLE trend_5m_{start.year:04d}_{start.month:02d} PARTITION OF trend_5m "
            f"FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}') {_FILL}"
        )
    _take_over(views)
    op.execute(_REFUSE)
    op.execute(_GUARD)


def downgrade() -> None:
    """Copy the buckets back to a plain table."""
    views = _put_aside()
    op.execute(
        f"CREATE TABLE trend_5m (LIKE trend_5m_before INCLUDING ALL EXCLUDING INDEXES) {_FILL}"
    )
    _take_over(views)
    op.execute("DROP FUNCTION trend_5m_delete_by_partition()")


def _put_aside() -> dict[str, str]:
    """Rename the table, lock all that hangs on it, and return what its views ask."""
    bind = op.get_bind()
    query = sa.text("SELECT pg_get_viewdef(CAST(:view AS regclass))")
    views = {view: bind.execute(query, {"view": view}).scalar_one() for view in _VIEWS}
    _define(views)  # as they are: locks them before the table, in the order of their readers
    op.execute("LOCK TABLE trend_5m IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE trend_5m RENAME TO trend_5m_before")
    op.execute("ALTER TABLE trend_5m_before DROP CONSTRAINT pk_trend_5m")
    op.execute("DROP INDEX ix_trend_5m_bucket_scope_kind")
    return views


def _take_over(views: dict[str, str]) -> None:
    """Let the new table take the place of the one put aside."""
    op.execute("INSERT INTO trend_5m SELECT * FROM trend_5m_before")
    op.create_primary_key("pk_trend_5m", "trend_5m", list(_KEY))
    op.create_index("ix_trend_5m_bucket_scope_kind", "trend_5m", ["bucket", "scope_kind"])
    _define(views)
    op.execute("DROP TABLE trend_5m_before")
    op.execute("ANALYZE trend_5m")


def _define(views: dict[str, str]) -> None:
    """Replace views, which keeps their comments and grants."""
    for view, query in views.items():
        op.execute(f"CREATE OR REPLACE VIEW {view} AS {query}")
