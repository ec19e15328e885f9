"""Making, listing and ending API keys."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from db.keys import create_key, list_keys, revoke_key
from pipeline.access import MAX_NAME_CHARS, Scope, new_api_key
from pipeline.web.problems import Problem
from pipeline.web.services import SessionOf

router = APIRouter(prefix="/v1/keys", tags=["keys"])

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such key."}}


class NewKey(BaseModel):
    """What a new key may do, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] = Field(
        description='"ingest" pushes news, "read" reads all but keys and audit, "admin" is all.'
    )
    expires_at: AwareDatetime | None = Field(default=None, description="Null: never.")


class Key(BaseModel):
    """A key without its secret; all times are the wall clock's."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To a minute; null: never.")
    revoked_at: datetime | None


class CreatedKey(BaseModel):
    """A new key."""

    id: UUID
    key: str = Field(description="Keep it: it is shown only now.")


class Keys(BaseModel):
    """All keys, oldest first, but that of the settings."""

    keys: list[Key]


@router.get("")
def get_keys(session: SessionOf) -> Keys:
    """List the keys, those that have ended included."""
    return Keys(keys=[Key.model_validate(row) for row in list_keys(session)])


@router.post("", status_code=201)
def post_key(wanted: NewKey, session: SessionOf) -> CreatedKey:
    """Make a key."""
    if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
        raise Problem(422, "expires_at: lies in the past")
    row, key = new_api_key(wanted.name, wanted.scopes, expires_at=wanted.expires_at)
    create_key(session, row)
    return CreatedKey(id=row.id, key=key)


@router.delete("/{key_id}", status_code=204, responses=_MISSING)
def remove_key(key_id: UUID, session: SessionOf) -> None:
    """Revoke a key: it opens nothing any more, and sessions that began with it end."""
    if not revoke_key(session, key_id):
        raise Problem(404, "there is no such key, or it was revoked before")
