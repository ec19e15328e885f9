"""A lock that one of several processes takes, so that the others leave its work to it."""

import sqlalchemy as sa

from db.engine import Session


def try_lock(session: Session, name: str) -> bool:
    """Take a lock until the transaction ends; return False at once if another has it."""
    key = sa.func.hashtextextended(name, 0)
    return bool(session.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar())
