"""From a wish for alerts to a subscription that may be stored: checked, with its secret.

Used alike by the command line and the HTTP API. Delivery checks the address again each time.
"""

import base64
import binascii
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from alerts.delivery.addresses import AddressRefused, checked_addresses, resolve
from alerts.delivery.secrets import PREFIX, encrypt, new_secret
from alerts.delivery.urls import url_problem
from alerts.types import Severity
from db.engine import Session
from db.rows import ScopeKind, SubscriptionRow
from db.secrets import MAX_OLD_SECRETS, TooManySecrets, rotate_secret
from pipeline.series import UnknownSeries, find_one

# Standard Webhooks' bounds.
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
_MAX_URL_CHARS = 2_000
_MAX_DESCRIPTION_CHARS = 500
_PORTS = {"http": 80, "https": 443}

# How long a replaced secret signs as well: a working day to change the receiver, in any zone.
OVERLAP_H = 24
MAX_OVERLAP_H = 168


class BadSubscription(ValueError):
    """A subscription that cannot be taken; ``field`` is the part of it that is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told of, and where; an empty filter lets everything pass.

    Attributes:
        entities: Ids, names or aliases of companies.
        operations: To be told of the watch itself as well.
        secret: The receiver's own ``whsec_...``; None: a new one is made.
    """

    url: str
    entities: Sequence[str] = ()
    topics: Sequence[str] = ()
    severities: Sequence[str] = ()
    description: str = ""
    secret: str | None = None
    operations: bool = False


def to_subscription(
    session: Session,
    wish: Wish,
    *,
    key: str,
    allow_hosts: Collection[str],
    companies: Sequence[Path] = (),
) -> tuple[SubscriptionRow, str]:
    """Check a wish and make a subscription of it; stores nothing.

    Args:
        session: An open session, to look up names.
        wish: What is wanted.
        key: Encrypts the secret.
        allow_hosts: Hosts inside the network that may be sent to.
        companies: CSV files of the user's own.

    Returns:
        The subscription with a new id, and its secret in the clear, to be shown once.

    Raises:
        BadSubscription: If a part of it is wrong.
    """
    _check_url(wish.url, allow_hosts)
    if len(wish.description) > _MAX_DESCRIPTION_CHARS:
        raise BadSubscription("description", f"is longer than {_MAX_DESCRIPTION_CHARS} characters")
    secret = new_secret() if wish.secret is None else _checked_secret(wish.secret)

    def ids(field: str, kind: ScopeKind, names: Sequence[str]) -> tuple[str, ...]:
        try:
            found = [find_one(session, kind, name, companies=companies) for name in names]
        except UnknownSeries as error:
            raise BadSubscription(field, str(error)) from error
        return tuple(dict.fromkeys(key.id for key, _ in found))

    row = SubscriptionRow(
        id=uuid4(),
        url=wish.url,
        secret=encrypt(secret, key),
        description=wish.description,
        entities=ids("entities", ScopeKind.ENTITY, wish.entities),
        topics=ids("topics", ScopeKind.TOPIC, wish.topics),
        severities=tuple(dict.fromkeys(map(_severity, wish.severities))),
        operations=wish.operations,
    )
    return row, secret


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
        The new secret in the clear, to be shown once; None if there is no such subscription.

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


def _check_url(url: str, allow_hosts: Collection[str]) -> None:
    if len(url) > _MAX_URL_CHARS:
        raise BadSubscription("url", f"is longer than {_MAX_URL_CHARS} characters")
    problem = url_problem(url, allow_hosts=allow_hosts)
    advice = "; hosts inside your network are listed in TAPEWATCH_DELIVERY__ALLOW_HOSTS"
    if problem is not None:
        raise BadSubscription("url", problem + (advice if problem == "must be https" else ""))
    parsed = httpx.URL(url)
    port = parsed.port or _PORTS[parsed.scheme]
    try:
        checked_addresses(parsed.host, port, allow_hosts=allow_hosts, resolve=resolve)
    except AddressRefused as error:
        raise BadSubscription("url", f"{error}{advice}") from error
    except OSError:  # A name that is not there yet, or not from here; delivery will ask again.
        return


def _checked_secret(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except binascii.Error:
        size = 0
    if not secret.startswith(PREFIX) or not _MIN_SECRET_BYTES <= size <= _MAX_SECRET_BYTES:
        raise BadSubscription(
            "secret",
            f"must be {PREFIX} and {_MIN_SECRET_BYTES} to {_MAX_SECRET_BYTES} bytes in base64",
        )
    return secret


def _severity(text: str) -> str:
    try:
        return Severity(text.strip().lower()).value
    except ValueError as error:
        choices = ", ".join(Severity)
        raise BadSubscription("severities", f"{text!r} is none of {choices}") from error
