"""The database's own clock."""

from datetime import UTC, datetime

import sqlalchemy as sa

from db.engine import Session


def database_time(session: Session) -> datetime:
    """Return what time it is for the database, in UTC."""
    at: datetime = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return at.astimezone(UTC)
