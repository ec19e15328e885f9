"""API keys as they are stored: a digest, never the key. Whoever calls makes and checks digests.

A session that began without a key is a row too: its digest is empty, which no secret has.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from db.access_tables import api_keys
from db.engine import Session

# One write a minute and key is enough to see which keys are dead.
_TOUCH_EVERY = sa.text("INTERVAL '1 minute'")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key; all times are the wall clock's.

    Attributes:
        digest: Of the key; not the key. Empty: a session's, which no key opens.
        scopes: What it may do.
        last_used_at: To a minute.
    """

    id: UUID
    name: str
    digest: bytes
    scopes: tuple[str, ...]
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


_IS_SESSION = api_keys.c.digest == b""
_COLUMNS = tuple(api_keys.c[name] for name in KeyRow.__dataclass_fields__)


def create_key(session: Session, row: KeyRow) -> None:
    """Add a key; does not commit."""
    session.execute(
        sa.insert(api_keys).values(
            id=row.id,
            name=row.name,
            digest=row.digest,
            scopes=list(row.scopes),
            expires_at=row.expires_at,
        )
    )


def list_keys(session: Session) -> list[KeyRow]:
    """Return all keys, revoked and expired ones included, oldest first."""
    query = sa.select(*_COLUMNS).order_by(api_keys.c.created_at, api_keys.c.id)
    return [_row(row) for row in session.execute(query)]


def find_key(session: Session, key_id: UUID) -> KeyRow | None:
    """Return one key, whatever has become of it; None if there never was one."""
    row = session.execute(sa.select(*_COLUMNS).where(api_keys.c.id == key_id)).first()
    return None if row is None else _row(row)


def revoke_key(session: Session, key_id: UUID) -> bool:
    """End a key for good; does not commit. False if there is none, or it was revoked before."""
    query = (
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
    )
    return session.execute(query.returning(api_keys.c.id)).first() is not None


def end_session(session: Session, key_id: UUID) -> str | None:
    """Remove the row of a session without a key; does not commit.

    Returns:
        Whose it was; None if there is no such session, or a key began it.
    """
    query = sa.delete(api_keys).where(api_keys.c.id == key_id, _IS_SESSION)
    return session.execute(query.returning(api_keys.c.name)).scalar()


def remove_ended_sessions(session: Session) -> None:
    """Remove the rows of sessions without a key that are over; does not commit."""
    is_over = sa.or_(api_keys.c.expires_at <= sa.func.now(), api_keys.c.revoked_at.is_not(None))
    session.execute(sa.delete(api_keys).where(_IS_SESSION, is_over))


def touch_key(session: Session, key_id: UUID) -> None:
    """Note that a key was used, at most once a minute; does not commit."""
    used = api_keys.c.last_used_at
    session.execute(
        sa.update(api_keys)
        .where(
            api_keys.c.id == key_id,
            sa.or_(used.is_(None), used < sa.func.now() - _TOUCH_EVERY),
        )
        .values(last_used_at=sa.func.now())
    )


def _row(row: sa.Row[tuple[object, ...]]) -> KeyRow:
    columns = dict(row._mapping)
    columns |= {"digest": bytes(row.digest), "scopes": tuple(row.scopes)}
    return KeyRow(**columns)
