"""What detection reads of the news, and the archive that reads it from the database.

``pipeline.backtest.memory_archive`` has the other one. Both answer alike, so that a backtest runs
the code of the live scheduler.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from db import candidates, trends
from db.engine import Session
from db.rows import AccountScores, HourRow, MentionRow, ScopeKind, SeriesKey


class Archive(Protocol):
    """The stored news as series."""

    def start(self) -> datetime | None:
        """Return the event time of the oldest item; None while there is none."""
        ...

    def end(self) -> datetime | None:
        """Return the event time of the newest item; None while there is none."""
        ...

    def series(self, *, kinds: Collection[ScopeKind]) -> list[SeriesKey]:
        """Return all series of these kinds, sorted."""
        ...

    def snapshot(self) -> int | None:
        """Return what tells ``candidates`` later what was stored by now; None: nothing does."""
        ...

    def candidates(
        self,
        *,
        kinds: Sequence[ScopeKind],
        window: timedelta,
        since: datetime,
        until: datetime,
        min_negative: int,
        any_tone: bool,
        seen: int | None,
        late_since: datetime,
    ) -> dict[SeriesKey, datetime | None]:
        """Return the series with news of which a window may hold so many negative accounts, sorted.

        News is what lies in ``(since, until]``, and what was stored since the snapshot ``seen`` for
        a moment after ``late_since``: then the series comes with a moment before which nothing in
        it has changed. With ``any_tone`` all accounts are counted. Some series that have fewer, or
        no news, may be among them; none is missed.
        """
        ...

    def mentions(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[MentionRow]]:
        """Return each series' items in ``(since, until]``, by event time, then id."""
        ...

    def scores(self, key: SeriesKey, *, since: datetime, until: datetime) -> AccountScores:
        """Return how the accounts of a series in ``(since, until]`` speak of it."""
        ...

    def hours(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[HourRow]]:
        """Return each series' whole hours in ``[since, until)`` that have accounts, in order.

        An hour that either end cuts may be missing or partial.
        """
        ...

    def names(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, str]:
        """Return what people call each series; its id where no name is known."""
        ...

    def models(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return for each item the version of the classifier that told its tone."""
        ...


class StoredArchive:
    """The news in the database, as one transaction sees it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self) -> datetime | None:
        """See ``Archive``."""
        return trends.archive_start(self._session)

    def end(self) -> datetime | None:
        """See ``Archive``."""
        return trends.archive_end(self._session)

    def series(self, *, kinds: Collection[ScopeKind]) -> list[SeriesKey]:
        """See ``Archive``."""
        return trends.all_series(self._session, kinds=kinds)

    def snapshot(self) -> int | None:
        """See ``Archive``."""
        return candidates.snapshot(self._session)

    def candidates(
        self,
        *,
        kinds: Sequence[ScopeKind],
        window: timedelta,
        since: datetime,
        until: datetime,
        min_negative: int,
        any_tone: bool,
        seen: int | None,
        late_since: datetime,
    ) -> dict[SeriesKey, datetime | None]:
        """See ``Archive``; whole buckets are counted."""
        return candidates.candidates(
            self._session,
            kinds=kinds,
            window=window,
            since=since,
            until=until,
            min_negative=min_negative,
            any_tone=any_tone,
            seen=seen,
            late_since=late_since,
        )

    def mentions(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[MentionRow]]:
        """See ``Archive``."""
        return trends.mentions(self._session, keys, since=since, until=until)

    def scores(self, key: SeriesKey, *, since: datetime, until: datetime) -> AccountScores:
        """See ``Archive``."""
        return trends.account_scores(self._session, key, since=since, until=until)

    def hours(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[HourRow]]:
        """See ``Archive``."""
        return trends.hours(self._session, keys, since=since, until=until)

    def names(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, str]:
        """See ``Archive``."""
        return trends.scope_names(self._session, keys)

    def models(self, item_ids: Sequence[str]) -> dict[str, str]:
        """See ``Archive``."""
        return trends.models_of(self._session, item_ids)
