"""Events become visible in the order of their positions, whoever writes them.

A reader that goes on after the last position it saw must miss none. So whoever inserts events
waits, before the first position is taken, until the writer before has committed.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the trigger."""
    op.execute("""
        CREATE FUNCTION alert_events_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('tapewatch alert_events', 0));
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER alert_events_in_order BEFORE INSERT ON alert_events
        FOR EACH STATEMENT EXECUTE FUNCTION alert_events_in_order()
    """)


def downgrade() -> None:
    """Remove the trigger."""
    op.execute("DROP TRIGGER alert_events_in_order ON alert_events")
    op.execute("DROP FUNCTION alert_events_in_order()")
