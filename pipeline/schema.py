"""The schema that this version needs: whether the database has it, and bringing it there."""

import threading

from db.engine import Engine, create_engine, transaction
from db.migrate import current, head, revision, upgrade
from db.watchlists import replace_sectors
from pipeline.companies import sectors


class NotMigrated(Exception):
    """The database is not as this version needs it; `tapewatch migrate` makes it so."""


def migrate(url: str) -> None:
    """Bring a database to this version's schema, with the sectors of the shipped companies.

    Safe to repeat. Raises DatabaseAway if the database is away.
    """
    upgrade(url)
    engine = create_engine(url, pool_size=1, statement_timeout_s=0)
    try:
        with transaction(engine) as session:
            replace_sectors(session, sectors())
    finally:
        engine.dispose()


class Schema:
    """Asks the database once; what was right stays right while the process lives."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._right = threading.Event()

    def require(self) -> None:
        """Return if the schema is the one that is needed.

        Raises:
            NotMigrated: If it is another one.
            db.engine.DatabaseAway: If the database cannot be asked.
        """
        if self._right.is_set():
            return
        _require(current(self._url))
        self._right.set()


def require_schema(engine: Engine) -> None:
    """Return if the database answers, and its schema is still the one that is needed.

    Raises as ``Schema.require``.
    """
    with transaction(engine) as session:
        _require(revision(session))


def _require(at: str | None) -> None:
    if at != head():
        raise NotMigrated(f"the schema is at {at}, not at {head()}: run `tapewatch migrate`")
