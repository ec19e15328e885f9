"""The archive that is held in memory: what a backtest reads of a stream."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from alerts.accounts.assign import Placer
from db.buckets import series_of
from db.copies import assign_copies
from db.rows import AccountScores, HourRow, ItemRow, MentionRow, Places, ScopeKind, SeriesKey
from pipeline.stages.accounts import Placing

_HOUR = timedelta(hours=1)


class MemoryArchive:
    """Items as the worker would have stored them, one after the other."""

    def __init__(self, rows: Sequence[ItemRow]) -> None:
        """Take items with distinct ids, in the order in which they came."""
        places = places_in_order(rows)
        of_series: defaultdict[SeriesKey, list[MentionRow]] = defaultdict(list)
        self._names: dict[str, str] = {}
        self._start = min((row.published_at for row in rows), default=None)
        self._end = max((row.published_at for row in rows), default=None)
        self._models = {row.id: row.model for row in rows}
        for row in rows:
            for entity in row.entities:
                self._names.setdefault(entity.id, entity.name)
            for key, tone in series_of(row).items():
                of_series[key].append(
                    MentionRow(
                        item_id=row.id,
                        published_at=row.published_at,
                        source=row.source,
                        title=row.title,
                        url=row.url,
                        language=row.language,
                        sentiment=tone.sentiment,
                        score=tone.score,
                        copy_of=places.copies.get(row.id),
                        story=places.stories.get(row.id),
                    )
                )
        for mentions in of_series.values():
            mentions.sort(key=lambda mention: (mention.published_at, mention.item_id))
        self._mentions = dict(of_series)
        self._times = {k: [m.published_at for m in found] for k, found in of_series.items()}
        self._hours: dict[SeriesKey, list[HourRow]] = {}
        accounts = sorted(
            (mention.published_at, key, mention.sentiment == "negative")
            for key, found in of_series.items()
            for mention in found
            if mention.copy_of is None
        )
        self._accounts = [at for at, *_ in accounts], [key for _, key, _ in accounts]
        negative = [(at, key) for at, key, is_negative in accounts if is_negative]
        self._negative = [at for at, _ in negative], [key for _, key in negative]

    def start(self) -> datetime | None:
        """See ``Archive``."""
        return self._start

    def end(self) -> datetime | None:
        """See ``Archive``."""
        return self._end

    def series(self, *, kinds: Collection[ScopeKind]) -> list[SeriesKey]:
        """See ``Archive``."""
        return sorted(key for key in self._mentions if key.kind in kinds)

    def snapshot(self) -> int | None:
        """See ``Archive``; all is there from the beginning."""
        return None

    def candidates(
        self,
        *,
        kinds: Sequence[ScopeKind],
        window: timedelta,
        since: datetime,
        until: datetime,
        min_negative: int,
        any_tone: bool,
        seen: int | None,  # noqa: ARG002  # of the protocol
        late_since: datetime,  # noqa: ARG002
    ) -> dict[SeriesKey, datetime | None]:
        """See ``Archive``; leaves none out, and nothing comes late."""
        times, found = self._accounts if any_tone else self._negative
        counts = Counter(found[bisect_right(times, since - window) : bisect_right(times, until)])
        enough = (k for k, n in counts.items() if n >= min_negative and k.kind in kinds)
        return dict.fromkeys(sorted(enough))

    def mentions(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[MentionRow]]:
        """See ``Archive``."""
        return {key: self._mentions_of(key, since, until) for key in keys}

    def scores(self, key: SeriesKey, *, since: datetime, until: datetime) -> AccountScores:
        """See ``Archive``."""
        return AccountScores.of(self._mentions_of(key, since, until))

    def hours(
        self, keys: Sequence[SeriesKey], *, since: datetime, until: datetime
    ) -> dict[SeriesKey, list[HourRow]]:
        """See ``Archive``; an hour that either end cuts is missing."""
        return {key: self._hours_of(key, since, until) for key in keys}

    def names(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, str]:
        """See ``Archive``."""
        entity = ScopeKind.ENTITY
        return {k: self._names.get(k.id, k.id) if k.kind is entity else k.id for k in keys}

    def models(self, item_ids: Sequence[str]) -> dict[str, str]:
        """See ``Archive``."""
        return {item_id: self._models[item_id] for item_id in item_ids}

    def _mentions_of(self, key: SeriesKey, since: datetime, until: datetime) -> list[MentionRow]:
        times = self._times.get(key, [])
        found = self._mentions.get(key, [])
        return found[bisect_right(times, since) : bisect_right(times, until)]

    def _hours_of(self, key: SeriesKey, since: datetime, until: datetime) -> list[HourRow]:
        if key not in self._hours:
            self._hours[key] = _by_hour(self._mentions.get(key, []))
        found = self._hours[key]
        first = bisect_left(found, since, key=lambda hour: hour.start)
        last = bisect_right(found, until - _HOUR, key=lambda hour: hour.start)
        return found[first:last]


def places_in_order(rows: Sequence[ItemRow]) -> Places:
    """Return the copies and the story of every item, for items stored one by one."""
    placing = Placing(Placer(), count(1))
    accounts: dict[str, tuple[str, datetime]] = {}
    copies: dict[str, str] = {}
    for row in rows:
        accounts.setdefault(row.text_hash, (row.id, row.published_at))
        found, _ = assign_copies([row], accounts, near=placing.near)
        copies.update(found)
        for copy, account in found.items():
            placing.stories[copy] = placing.stories[account]
    return Places(copies, placing.stories)


def _by_hour(mentions: Sequence[MentionRow]) -> list[HourRow]:
    """Return the hours that have accounts; the mentions are by event time."""
    hours: dict[datetime, list[MentionRow]] = {}
    for mention in mentions:
        if mention.copy_of is None:
            at = mention.published_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            hours.setdefault(at, []).append(mention)
    rows = []
    for start, inside in hours.items():
        negative = [mention for mention in inside if mention.sentiment == "negative"]
        sources = {mention.source for mention in negative}
        rows.append(HourRow(start, len(inside), len(negative), len(sources)))
    return rows
