"""From what people write to the series and times that the database knows.

Used alike by the command line and the HTTP API. Relative times count back from the newest
item, never from the wall clock: an archive of the past answers like a live one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.engine import Session
from db.rows import BUCKET, ScopeKind, SeriesKey, TrendRow
from db.trends import find_series, partition_progress, scope_names, trend
from models.taxonomy import TOPICS
from pipeline.companies import find_companies

# A series of five-minute buckets of more than a month; more is a job for SQL.
MAX_BUCKETS = 10_000

_DURATION = re.compile(r"(\d{1,5})(m|h|d|w)")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_INSTANT = timedelta(microseconds=1)
# The origin of the database's buckets: a Monday.
_ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)


class BadQuery(ValueError):
    """The question cannot be answered as it was put; the text says what to change."""


class UnknownSeries(BadQuery):
    """Nothing goes by that name, or several do."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A series in buckets of one length; empty buckets are left out."""

    key: SeriesKey
    name: str
    window: timedelta
    since: datetime
    until: datetime
    rows: tuple[TrendRow, ...]


def parse_duration(text: str) -> timedelta:
    """Return the length that "90m", "1h", "7d" or "2w" says; raises BadQuery if it says none."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise BadQuery(f"{text!r} is no length of time; write 30m, 1h, 7d or 2w")
    return int(match[1]) * _UNITS[match[2]]


def parse_moment(text: str, *, newest: datetime) -> datetime:
    """Return the time that ISO 8601 text says, or that lies a length of time before ``newest``.

    Without an offset it is UTC. Raises BadQuery if it is neither.
    """
    if _DURATION.fullmatch(text.strip().lower()):
        return _before(newest, parse_duration(text))
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadQuery(f"{text!r} is no time; write 2023-03-09, 2023-03-09T12:00Z or 7d") from error


def find_one(
    session: Session, kind: ScopeKind, name: str, *, companies: Sequence[Path] = ()
) -> tuple[SeriesKey, str]:
    """Find the one series of that kind that goes by ``name``.

    Companies are known by id, name and alias, also before the first news of them.

    Args:
        session: An open session.
        kind: Topic or entity.
        name: In any case.
        companies: CSV files of the user's own.

    Returns:
        The series, and what people call it.

    Raises:
        UnknownSeries: If there is none, or more than one.
    """
    found = find_series(session, name, kind)
    if not found and kind is ScopeKind.ENTITY:
        found = [(SeriesKey(kind, key), label) for key, label in find_companies(name, companies)]
    if not found and kind is ScopeKind.TOPIC and name.lower() in TOPICS:
        found = [(SeriesKey(kind, name.lower()), name.lower())]
    if not found and kind is ScopeKind.TOPIC:
        raise UnknownSeries(f"no topic is called {name!r}; there are {', '.join(TOPICS)}")
    if not found:
        raise UnknownSeries(f"no company is known as {name!r}; give its full name or its symbol")
    if len(found) > 1:
        choices = ", ".join(f"{key.id} ({label})" for key, label in found)
        raise UnknownSeries(f"{name!r} may be {choices}; give the id")
    return found[0]


def newest_item_at(session: Session, topic: str) -> datetime:
    """Return the event time of the newest item of a topic; the wall clock's before the first."""
    progress = partition_progress(session, topic).values()
    times = [each.event_at for each in progress if each.event_at is not None]
    return max(times, default=datetime.now(UTC))


def read_trend(
    session: Session,
    key: SeriesKey,
    *,
    window: timedelta,
    since: str,
    until: str | None,
    newest: datetime,
) -> Trend:
    """Read a series between two moments, widened to whole buckets.

    Args:
        session: An open session.
        key: The series.
        window: Length of a bucket.
        since: ISO 8601, or a length of time back from ``until``.
        until: ISO 8601, or a length of time back from ``newest``; None: ``newest`` itself.
        newest: Event time of the newest item.

    Returns:
        The trend.

    Raises:
        BadQuery: If a time cannot be read, or the buckets would be too many or too odd.
    """
    if window < BUCKET or window % BUCKET:
        raise BadQuery("the window must be a multiple of 5 minutes")
    # Up to and with the newest item; a moment that was asked for is not included itself.
    end = newest + _INSTANT if until is None else parse_moment(until, newest=newest)
    start = parse_moment(since, newest=end)
    try:
        first = _floor(start, window)
        last = _floor(end + window - _INSTANT, window)
    except OverflowError as error:
        raise BadQuery("the times are out of range") from error
    if first >= last:
        raise BadQuery("since must be before until")
    if (last - first) // window > MAX_BUCKETS:
        raise BadQuery(f"more than {MAX_BUCKETS} buckets; take a longer window or a shorter time")
    rows = trend(session, key, since=first, until=last, step=window)
    return Trend(key, scope_names(session, [key])[key], window, first, last, tuple(rows))


def _before(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment - length
    except OverflowError as error:
        raise BadQuery("the times are out of range") from error


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - _ORIGIN) % step
