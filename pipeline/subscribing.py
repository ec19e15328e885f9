"""From a wish for alerts to a subscription that may be stored: checked, with its secret.

Used alike by the command line and the HTTP API.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from alerts.delivery.secrets import encrypt, new_secret
from alerts.delivery.urls import redacted
from alerts.types import Detector, Severity
from db.delivery_rows import SubscriptionRow, TargetKind
from db.engine import Session
from db.rows import ScopeKind
from db.secrets import MAX_OLD_SECRETS, TooManySecrets, rotate_secret
from db.watchlists import existing_watchlists, list_watchlists
from pipeline.catalogue import LANGUAGES
from pipeline.companies import sectors
from pipeline.series import UnknownSeries, find_one
from pipeline.targets import BadSubscription, to_target
from pipeline.text import LANGUAGES as ITEM_LANGUAGES
from pipeline.timing import check_zone, parse_clock, parse_quiet, told_clock

T = TypeVar("T")

_MAX_DESCRIPTION_CHARS = 500

# How long a replaced secret signs as well: a working day to change the receiver, in any zone.
OVERLAP_H = 24
MAX_OVERLAP_H = 168


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told of, where and when; an empty filter lets everything pass.

    Attributes:
        url: Of a webhook, or of a chat or mail target as ``alerts.delivery.chat`` lists them.
        language: Of messages to chat and mail, "en" or "zh".
        entities: Ids, names or aliases of companies.
        languages: Of the news, "en" or "zh".
        quiet: Local hours in which alerts are held back, as "22:00-07:00".
        digest_at: Local times, as "08:30", at which alerts are told together; none: at once.
        time_zone: Of those, such as "Asia/Shanghai".
        critical_passes: To be told of critical alerts at once all the same.
        operations: To be told of the watch itself as well.
        secret: The receiver's own ``whsec_...``; None: a new one is made.
    """

    url: str
    language: str = "en"
    entities: Sequence[str] = ()
    watchlists: Sequence[str] = ()
    sectors: Sequence[str] = ()
    topics: Sequence[str] = ()
    severities: Sequence[str] = ()
    languages: Sequence[str] = ()
    detectors: Sequence[str] = ()
    quiet: str | None = None
    digest_at: Sequence[str] = ()
    time_zone: str = "UTC"
    critical_passes: bool = False
    operations: bool = False
    description: str = ""
    secret: str | None = None


def to_subscription(
    session: Session,
    wish: Wish,
    *,
    key: str,
    allow_hosts: Collection[str],
    companies: Sequence[Path] = (),
) -> tuple[SubscriptionRow, str | None]:
    """Check a wish and make a subscription of it; stores nothing.

    Args:
        session: An open session, to look up names.
        wish: What is wanted.
        key: Encrypts the secret.
        allow_hosts: Hosts inside the network that may be sent to.
        companies: CSV files of the user's own companies.

    Returns:
        The subscription with a new id, and a webhook's secret in the clear, to be shown once.

    Raises:
        BadSubscription: If a part of it is wrong.
    """
    if len(wish.description) > _MAX_DESCRIPTION_CHARS:
        raise BadSubscription("description", f"is longer than {_MAX_DESCRIPTION_CHARS} characters")
    target = to_target(wish.url, secret=wish.secret, allow_hosts=allow_hosts)
    [language] = _chosen("language", [wish.language], LANGUAGES)
    start, end = _quiet(wish)
    row = SubscriptionRow(
        id=uuid4(),
        url=target.shown,
        secret=encrypt(target.secret, key),
        description=wish.description,
        kind=target.kind,
        language=language,
        entities=company_ids(session, wish.entities, companies=companies),
        topics=_series(session, "topics", ScopeKind.TOPIC, wish.topics, companies),
        watchlists=_watchlists(session, wish.watchlists),
        sectors=_chosen("sectors", wish.sectors, sectors().values() if wish.sectors else ()),
        severities=_chosen("severities", wish.severities, Severity),
        languages=_chosen("languages", wish.languages, ITEM_LANGUAGES),
        detectors=_chosen("detectors", wish.detectors, Detector),
        quiet_start=start,
        quiet_end=end,
        digest_at=tuple(sorted({_timed("digest_at", parse_clock, at) for at in wish.digest_at})),
        time_zone=_timed("time_zone", check_zone, wish.time_zone),
        critical_passes=wish.critical_passes,
        operations=wish.operations,
    )
    return row, target.secret if target.kind is TargetKind.WEBHOOK else None


def company_ids(
    session: Session, names: Sequence[str], *, companies: Sequence[Path] = ()
) -> tuple[str, ...]:
    """Return the distinct ids of companies; raises BadSubscription if nothing goes by a name."""
    return _series(session, "entities", ScopeKind.ENTITY, names, companies)


def without_path(row: SubscriptionRow) -> SubscriptionRow:
    """Return a subscription with the scheme and host alone of a webhook's URL, and "/…" after them.

    Its path and query may hold tokens; of a chat's no more is stored in the clear.
    """
    if row.kind is TargetKind.CHAT:
        return row
    return replace(row, url=f"{redacted(row.url)}/…")


def told(row: SubscriptionRow) -> dict[str, object]:
    """Return what may be shown of a subscription, as JSON has it."""
    quiet = None
    if row.quiet_start is not None and row.quiet_end is not None:
        quiet = f"{told_clock(row.quiet_start)}-{told_clock(row.quiet_end)}"
    return {
        "id": str(row.id),
        "kind": row.kind.value,
        "url": row.url,
        "language": row.language,
        "entities": list(row.entities),
        "watchlists": list(row.watchlists),
        "sectors": list(row.sectors),
        "topics": list(row.topics),
        "severities": list(row.severities),
        "languages": list(row.languages),
        "detectors": list(row.detectors),
        "quiet": quiet,
        "digest_at": [told_clock(at) for at in row.digest_at],
        "time_zone": row.time_zone,
        "critical_passes": row.critical_passes,
        "operations": row.operations,
        "description": row.description,
        "paused": row.paused,
        "failing_since": row.failing_since and row.failing_since.isoformat(),
        "disabled_reason": row.disabled_reason,
    }


def rotate(
    session: Session, subscription_id: UUID, *, key: str, now: datetime, overlap_h: int
) -> str | None:
    """Give a subscription a new secret.

    Args:
        session: An open session.
        subscription_id: Whose.
        key: Encrypts the secret.
        now: The wall clock's time.
        overlap_h: Hours for which the old one signs as well; 0 for one that leaked.

    Returns:
        The new secret in the clear, to be shown once; None if there is no such webhook.

    Raises:
        BadSubscription: If too many secrets sign already.
    """
    secret = new_secret()
    until = now + timedelta(hours=overlap_h)
    try:
        found = rotate_secret(
            session, subscription_id, encrypt(secret, key), now=now, old_until=until
        )
    except TooManySecrets as error:
        raise BadSubscription(
            "overlap_h",
            f"{MAX_OLD_SECRETS} old secrets sign already: wait for one to end, or end all with 0",
        ) from error
    return secret if found else None


def _series(
    session: Session, field: str, kind: ScopeKind, names: Sequence[str], companies: Sequence[Path]
) -> tuple[str, ...]:
    try:
        found = [find_one(session, kind, name, companies=companies) for name in names]
    except UnknownSeries as error:
        raise BadSubscription(field, str(error)) from error
    return tuple(dict.fromkeys(key.id for key, _ in found))


def _chosen(field: str, wanted: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return each wanted value as it is known, in any case; no other value is taken."""
    choices = {str(choice).lower(): str(choice) for choice in known}
    for each in wanted:
        if each.strip().lower() not in choices:
            listed = ", ".join(sorted(choices.values())) or "nothing: there is none yet"
            raise BadSubscription(field, f"{each!r} is none of {listed}")
    return tuple(dict.fromkeys(choices[each.strip().lower()] for each in wanted))


def _watchlists(session: Session, wanted: Sequence[str]) -> tuple[str, ...]:
    if not wanted:
        return ()
    chosen = _chosen("watchlists", wanted, list_watchlists(session))
    # One that is deleted meanwhile is refused as one that never was.
    return _chosen("watchlists", chosen, existing_watchlists(session, chosen))


def _quiet(wish: Wish) -> tuple[time, time] | tuple[None, None]:
    if wish.quiet is None:
        return None, None
    return _timed("quiet", parse_quiet, wish.quiet)


def _timed(field: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise BadSubscription(field, str(error)) from error
