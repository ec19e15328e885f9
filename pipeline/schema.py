"""Whether the database has the schema that this version needs."""

import threading

from db.migrate import current, head


class NotMigrated(Exception):
    """The database is not as this version needs it; `tapewatch migrate` makes it so."""


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
        at, needed = current(self._url), head()
        if at != needed:
            raise NotMigrated(f"the schema is at {at}, not at {needed}: run `tapewatch migrate`")
        self._right.set()
