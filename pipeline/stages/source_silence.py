"""Tell of sources that fall silent and speak again.

Which silence is improbable is decided in ``alerts.source_silence``; this stage brings it the
slots in which each source was heard, and puts what is to be said into the outbox.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alerts.notices import (
    Notice,
    SilentSource,
    SourceResumed,
    SourceSilent,
    SpokenSource,
    notice_body,
)
from alerts.source_silence import HISTORY, find_silence
from db.delivery_rows import NoticeRow
from db.engine import Session
from db.locks import try_lock
from db.notices import save_notice, told_of_operations
from db.rows import SourceSilenceRow
from db.sources import (
    forget_source_silences,
    heard_slots,
    lags,
    save_source_silence,
    source_silences,
)

_LOCK = "source_silence"
_LAG_HISTORY = timedelta(days=7)
_AT_ONCE = timedelta(0)


def watch_sources(session: Session, *, now: datetime) -> list[Notice]:
    """Look at every source, store what changed, and queue what is said of it; does not commit.

    Args:
        session: An open transaction.
        now: Event time up to which every item is stored.

    Returns:
        What was said; nothing where another scheduler is at it.
    """
    if not try_lock(session, _LOCK):
        return []
    heard = heard_slots(session, since=now - HISTORY, until=now)
    known = {row.source: row for row in source_silences(session)}
    forget_source_silences(session, sorted(known.keys() - heard.keys()))
    late = lags(session, since=now - _LAG_HISTORY)
    said: list[Notice] = []
    for source, slots in heard.items():
        lag = late.get(source, _AT_ONCE)
        notice = _look(session, source, slots, known.get(source), now=now, lag=lag)
        said += [notice] if notice else []
    receivers = told_of_operations(session) if said else []
    for notice in said:
        save_notice(session, _row(notice), to=receivers)
    return said


def _look(
    session: Session,
    source: str,
    slots: Sequence[datetime],
    last: SourceSilenceRow | None,
    *,
    now: datetime,
    lag: timedelta,
) -> Notice | None:
    """Store and return what has changed about one source.

    One whose items come an hour late has not been silent for that hour: what it is complete up
    to, its own watermark, lies so far back.
    """
    if last is not None and last.ended_at is None:
        spoke = next((slot for slot in slots if slot > last.since), None)
        if spoke is None:
            return None
        save_source_silence(session, SourceSilenceRow(source, last.since, spoke))
        data = SpokenSource(source=source, silent_since=last.since, spoke_at=spoke)
        return SourceResumed(timestamp=spoke, data=data)
    ended_at = None if last is None else last.ended_at
    silence = find_silence(slots, now=now - lag, last_ended=ended_at)
    if silence is None:
        return None
    save_source_silence(session, SourceSilenceRow(source, silence.since))
    return SourceSilent(
        timestamp=now,
        data=SilentSource(
            source=source,
            silent_since=silence.since,
            usual_gap_s=round(silence.usual_gap.total_seconds()),
            expected=silence.expected,
            once_in_days=round(silence.once_in.total_seconds() / 86_400),
        ),
    )


def _row(notice: Notice) -> NoticeRow:
    assert isinstance(notice, SourceSilent | SourceResumed)  # noqa: S101  # what _look returns
    source, since = notice.data.source, notice.data.silent_since
    return NoticeRow(
        key=f"{notice.type}/{source}/{since.isoformat()}",
        subject=f"source/{source}",
        type=notice.type,
        body=notice_body(notice),
    )
