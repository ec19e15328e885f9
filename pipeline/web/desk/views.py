"""What the desk's pages show, read from the database; the templates only lay it out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alerts.messages import AlertData, AlertEvent
from db import desk
from db.alert_events import last_raising
from db.alert_rows import AlertRow, SilenceRow
from db.alerts import find_alerts, list_alerts, open_alerts
from db.engine import Session
from db.judgements import active_silences
from db.rows import MARKET, MentionRow, SeriesKey
from db.sources import SourceRow, source_health, source_silences
from db.trends import mentions
from pipeline.web.desk import charts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_DAYS_SHOWN = 7
_DAYS_USUAL = 28
# A company has few accounts an hour: three hours a column, and the share of a whole day.
SERIES_STEP = timedelta(hours=3)
_SERIES_SPAN = 8
_MARKET_SPAN = 6
_QUIET_AFTER, _SILENT_AFTER = timedelta(hours=6), timedelta(hours=24)
MOST_LISTED = 60
MOST_STORIES = 40
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Source:
    """A source's health.

    Attributes:
        state: "ok", "quiet" (6 h), or "silent": for 24 h, or beyond the source's own habit.
        is_beyond_habit: Whether the watch of sources has told of this silence.
    """

    name: str
    last_at: datetime
    lag: timedelta
    items: int
    state: str
    is_beyond_habit: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list: the newest 24 h against the seven days before.

    Attributes:
        change: Negative share of the day less that of the days before; None where one has none.
        line: SVG path of the share, 100 by 24.
    """

    key: SeriesKey
    name: str
    accounts: int
    negative: int
    stories: int
    share: float | None
    usual: float | None
    change: float | None
    line: str


@dataclass(frozen=True, slots=True)
class Story:
    """The accounts of one story in a span.

    Attributes:
        lead: The worst of them.
        others: The rest.
        copies: How many items of the span repeat one of them.
    """

    lead: MentionRow
    others: tuple[MentionRow, ...]
    copies: int


def shown_days(newest: datetime) -> tuple[datetime, datetime]:
    """Return the seven days, from midnight to midnight UTC, that end with the newest item's."""
    midnight = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - (_DAYS_SHOWN - 1) * DAY, midnight + DAY


def market_chart(session: Session, newest: datetime) -> charts.Chart:
    """Return the market by hours; its line takes six hours together."""
    since, until = shown_days(newest)
    rows = desk.counts(session, [MARKET], since=since - _MARKET_SPAN * HOUR, until=until, step=HOUR)
    told = desk.story_counts(session, [MARKET], since=since, until=until, step=HOUR)
    return charts.draw(
        rows.get(MARKET, []),
        since=since,
        until=until,
        newest=newest,
        step=HOUR,
        span=_MARKET_SPAN,
        stories=told.get(MARKET, {}),
    )


def series_chart(
    session: Session, key: SeriesKey, newest: datetime, marked: Sequence[AlertRow]
) -> charts.Chart:
    """Return a series with its usual range and its alerts.

    The range is over the trailing shares of the 28 days that end a day before the newest item.
    """
    since, until = shown_days(newest)
    first = newest - (_DAYS_USUAL + 1) * DAY
    rows = desk.counts(session, [key], since=first, until=until, step=SERIES_STEP).get(key, [])
    history = [row for row in rows if row.start < newest - DAY]
    usual = None
    if history:
        steps = int((history[-1].start - history[0].start) / SERIES_STEP) + 1
        starts = [history[0].start + index * SERIES_STEP for index in range(steps)]
        by_start = {row.start: row for row in history}
        shares = charts.trailing_shares(by_start, starts, step=SERIES_STEP, span=_SERIES_SPAN)
        usual = charts.usual_range(shares, accounts=sum(row.accounts for row in history))
    told = desk.story_counts(session, [key], since=since, until=until, step=SERIES_STEP)
    return charts.draw(
        rows,
        since=since,
        until=until,
        newest=newest,
        step=SERIES_STEP,
        span=_SERIES_SPAN,
        stories=told.get(key, {}),
        marks=[alert.fired_at for alert in marked],
        usual=usual,
    )


def firing(session: Session) -> list[AlertRow]:
    """Return what fires now and no other alert tells: critical first, then the newest."""
    rows = [alert for alert in open_alerts(session) if alert.suppressed_by is None]
    rows.sort(key=lambda alert: alert.fired_at, reverse=True)
    return sorted(rows, key=lambda alert: alert.severity != "critical")


def silences_of(session: Session, alert_id: UUID) -> list[SilenceRow]:
    """Return the active silences that hold an alert back."""
    found = find_alerts(session, [alert_id])
    return [one for one in active_silences(session) if any(one.holds(alert) for alert in found)]


def recently_resolved(session: Session, newest: datetime) -> list[AlertRow]:
    """Return the newest ten alerts of the last seven days that have ended."""
    return list_alerts(session, since=newest - 7 * DAY, state="resolved", limit=10)


def alerts_of(session: Session, key: SeriesKey, newest: datetime) -> list[AlertRow]:
    """Return the alerts of a series in the days shown, newest first."""
    since, until = shown_days(newest)
    return list_alerts(session, since=since, until=until, scope=key, limit=20)


def raising(session: Session, alerts: Sequence[AlertRow]) -> dict[UUID, AlertData]:
    """Return each alert as it was last told while it was open: what an end tells raised none."""
    told = last_raising(session, [alert.id for alert in alerts])
    return {
        alert_id: AlertEvent.model_validate_json(event.body).data
        for alert_id, event in told.items()
    }


def sources(session: Session, newest: datetime) -> list[Source]:
    """Return the health of each source, longest silent first; lag is against the newest item."""
    told = {row.source for row in source_silences(session) if row.ended_at is None}
    return [
        _source(row, newest, is_told=row.source in told)
        for row in source_health(session, until=newest)
    ]


def _source(row: SourceRow, newest: datetime, *, is_told: bool) -> Source:
    lag = newest - row.last_at
    state = "quiet" if lag > _QUIET_AFTER else "ok"
    if is_told or lag > _SILENT_AFTER:
        state = "silent"
    return Source(row.source, row.last_at, lag, row.items, state, is_told)


def listed(session: Session, wanted: str, newest: datetime) -> list[Listed]:
    """Return companies and topics whose name holds ``wanted``, most negative accounts first."""
    # Whole hours, so that a day and the days before share no bucket.
    until = newest.replace(minute=0, second=0, microsecond=0) + HOUR
    since = until - 8 * DAY
    found = desk.listed_series(session, wanted, since=until - DAY, until=until, limit=MOST_LISTED)
    step = timedelta(hours=6)
    # Buckets of six hours hang on midnight: the sums of a day need hours.
    keys = [key for key, _ in found]
    rows = desk.counts(session, keys, since=since, until=until, step=HOUR)
    told = desk.story_counts(session, keys, since=until - DAY, until=until, step=DAY)
    return [
        _listed(key, name, rows.get(key, []), sum(told.get(key, {}).values()), until, step)
        for key, name in found
    ]


def _listed(
    key: SeriesKey,
    name: str,
    rows: Sequence[desk.CountRow],
    stories: int,
    until: datetime,
    step: timedelta,
) -> Listed:
    day = [row for row in rows if row.start >= until - DAY]
    before = [row for row in rows if row.start < until - DAY]
    share, usual = _share(day), _share(before)
    count = int(8 * DAY / step)
    parts: list[list[desk.CountRow]] = [[] for _ in range(count)]
    for row in rows:
        parts[int((row.start - (until - 8 * DAY)) / step)].append(row)
    return Listed(
        key,
        name,
        sum(row.accounts for row in day),
        sum(row.negative for row in day),
        stories,
        share,
        usual,
        None if share is None or usual is None else share - usual,
        charts.path([_share(part) for part in parts], width=100, height=24, count=count, top=1),
    )


def _share(rows: Sequence[desk.CountRow]) -> float | None:
    accounts = sum(row.accounts for row in rows)
    return sum(row.negative for row in rows) / accounts if accounts else None


def stories(
    session: Session, key: SeriesKey, start: datetime, step: timedelta
) -> tuple[list[Story], int]:
    """Return the stories of one bucket, that with the worst account first, and how many more."""
    rows = mentions(session, [key], since=start - _INSTANT, until=start + step - _INSTANT)[key]
    here = {row.item_id for row in rows}
    copies = Counter(row.copy_of for row in rows if row.copy_of in here)
    # A copy whose account lies outside of the span stands for itself.
    told = [row for row in rows if row.copy_of not in here]
    told.sort(key=lambda row: (row.score, row.published_at))
    by_story: dict[int | str, list[MentionRow]] = {}
    for row in told:
        by_story.setdefault(row.tells, []).append(row)
    found = [
        Story(lead, tuple(others), sum(copies[row.item_id] for row in (lead, *others)))
        for lead, *others in by_story.values()
    ]
    return found[:MOST_STORIES], max(0, len(found) - MOST_STORIES)
