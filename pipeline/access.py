"""API keys: what they look like, how they are made and known again, and what each may do.

A key is ``tw_``, its id and 256 random bits. Stored is SHA-256 over id and secret: a slow hash
protects secrets that can be guessed, and 256 random bits cannot. The id salts it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from db.keys import KeyRow

PREFIX = "tw_"
MAX_NAME_CHARS = 100
_SECRET_BYTES = 32


class Scope(StrEnum):
    """What a key may do; ADMIN may do everything."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request.

    Attributes:
        id: None for the key of the settings.
        name: For the audit log.
    """

    id: UUID | None
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Tell whether a scope is granted."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def new_api_key(
    name: str, scopes: Collection[Scope], *, expires_at: datetime | None = None
) -> tuple[KeyRow, str]:
    """Return a new key to store, and the key itself, to be shown once."""
    key_id, secret = uuid4(), secrets.token_urlsafe(_SECRET_BYTES)
    row = KeyRow(
        id=key_id,
        name=name,
        digest=_digest(key_id, secret),
        scopes=tuple(scope.value for scope in Scope if scope in scopes),
        expires_at=expires_at,
    )
    return row, f"{PREFIX}{key_id.hex}_{secret}"


def split_key(key: str) -> tuple[UUID, str] | None:
    """Return id and secret of a key; None if it is none."""
    key_id, mark, secret = key.removeprefix(PREFIX).partition("_")
    if not key.startswith(PREFIX) or not mark or not secret:
        return None
    try:
        return UUID(hex=key_id), secret
    except ValueError:
        return None


def is_secret_of(row: KeyRow, secret: str) -> bool:
    """Tell whether a secret belongs to a stored key, in constant time."""
    return hmac.compare_digest(_digest(row.id, secret), row.digest)


def principal_of(row: KeyRow, *, now: datetime) -> Principal | None:
    """Return who a stored key stands for; None if it was revoked or has expired."""
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Principal(row.id, row.name, frozenset(map(Scope, row.scopes)))


def _digest(key_id: UUID, secret: str) -> bytes:
    return hashlib.sha256(key_id.bytes + secret.encode()).digest()
