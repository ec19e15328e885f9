"""A database session for commands that work on it directly, and their place in the audit log."""

from __future__ import annotations

import getpass
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Session
    from pipeline.settings import Settings


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Open one transaction on a migrated database; commits at the end of the block.

    Raises NotMigrated if `tapewatch migrate` has to run first, DatabaseAway if it is away.
    """
    from db.engine import transaction
    from pipeline.runtime import opened_engine
    from pipeline.schema import Schema

    Schema(settings.database.url.get_secret_value()).require()
    with opened_engine(settings) as engine, transaction(engine) as session:
        yield session


def record_command(session: Session, action: str, target: str) -> None:
    """Record what a command does, in the transaction that does it; does not commit.

    Args:
        session: An open session.
        action: The command's words after ``tapewatch``.
        target: What it changes; without secrets.
    """
    from db.audit import Deed, record

    record(session, Deed(user(), None, f"tapewatch {action}", target, "command line", "done"))


def user() -> str:
    """Return the name of who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
