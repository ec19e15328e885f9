"""What was done and what was refused."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from db.audit import AuditRow, list_audit
from pipeline.series import parse_moment
from pipeline.web.paging import CursorParam, LimitParam, Page, after, cut
from pipeline.web.services import SessionOf

router = APIRouter(prefix="/v1/audit", tags=["audit"])

Outcome = Literal["done", "refused", "failed"]


class Entry(BaseModel):
    """A write, or an access that was refused; its time is the wall clock's."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    actor: str = Field(description="Name of the key, or of who ran a command; empty: no key.")
    key_id: UUID | None = Field(description="Null: the key of the settings, or none.")
    action: str = Field(description="Method and route, or the command.")
    target: str = Field(description="The path, or what the command was given.")
    address: str
    outcome: str
    status: int | None


class Entries(Page):
    """The audit log, newest first."""

    entries: list[Entry]


@router.get("")
def get_audit(
    session: SessionOf,
    since: Annotated[
        str | None, Query(description="ISO 8601, or a length of time such as 7d before now.")
    ] = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    cursor: CursorParam = None,
    limit: LimitParam = 100,
) -> Entries:
    """List writes and refused accesses, newest first."""
    rows = list_audit(
        session,
        since=None if since is None else parse_moment(since, newest=datetime.now(UTC)),
        outcome=outcome,
        before=after(cursor, int),
        limit=limit + 1,
    )
    page, following = cut(rows, limit, lambda row: row.position)
    return Entries(entries=[_entry(row) for row in page], next_cursor=following)


def _entry(row: AuditRow) -> Entry:
    deed = {name: getattr(row.deed, name) for name in Entry.model_fields if name != "at"}
    return Entry(at=row.at, **deed)
