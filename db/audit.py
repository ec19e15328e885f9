"""The log of what was done and what was refused; rows are added and read, never changed."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from db.access_tables import audit_log
from db.engine import Session


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done or refused.

    Attributes:
        actor: Name of the key, or of who ran a command.
        key_id: None for the key of the settings, and where there was none.
        action: Method and route, or the command.
        target: The path, or what the command was given; without secrets.
        address: From where.
        outcome: "done", "refused" or "failed".
        status: Of the response; None for a command.
    """

    actor: str
    key_id: UUID | None
    action: str
    target: str
    address: str
    outcome: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A deed with its place in the log; ``at`` is the wall clock's."""

    position: int
    at: datetime
    deed: Deed


_COLUMNS = tuple(audit_log.c[name] for name in Deed.__dataclass_fields__)


def record(session: Session, deed: Deed) -> None:
    """Add a deed to the log; does not commit."""
    session.execute(sa.insert(audit_log).values(asdict(deed)))


def list_audit(
    session: Session,
    *,
    since: datetime | None = None,
    outcome: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """Return what was recorded, newest first.

    Args:
        session: An open session.
        since: At this wall-clock time or later.
        outcome: Only "done", "refused" or "failed".
        before: Only rows with a lower position: where the last page ended.
        limit: Most rows to return.

    Returns:
        The rows.
    """
    query = sa.select(audit_log.c.position, audit_log.c.at, *_COLUMNS)
    query = query.order_by(audit_log.c.position.desc()).limit(limit)
    if since is not None:
        query = query.where(audit_log.c.at >= since)
    if outcome is not None:
        query = query.where(audit_log.c.outcome == outcome)
    if before is not None:
        query = query.where(audit_log.c.position < before)
    return [AuditRow(position, at, Deed(*deed)) for position, at, *deed in session.execute(query)]
