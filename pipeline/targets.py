"""Where alerts may be sent, and what a receiver's own secret may be.

Delivery checks the address again each time.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass

import httpx

from alerts.delivery.addresses import AddressRefused, checked_addresses, resolve
from alerts.delivery.chat import BadTarget, check_target, is_chat
from alerts.delivery.secrets import PREFIX, new_secret
from alerts.delivery.urls import url_problem
from db.delivery_rows import TargetKind

# Standard Webhooks' bounds.
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
_MAX_URL_CHARS = 2_000
_PORTS = {"http": 80, "https": 443}
_ADVICE = "; hosts inside your network are listed in TAPEWATCH_DELIVERY__ALLOW_HOSTS"


class BadSubscription(ValueError):
    """A subscription that cannot be taken; ``field`` is the part of it that is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, checked.

    Attributes:
        shown: What is stored of its URL in the clear: all of a webhook's.
        secret: In the clear: what signs for a webhook, the URL of a chat.
    """

    kind: TargetKind
    shown: str
    secret: str


def to_target(url: str, *, secret: str | None, allow_hosts: Collection[str]) -> Target:
    """Check where alerts are to be sent.

    Args:
        url: Of a webhook, or of a chat or mail target.
        secret: A webhook's own; None: a new one is made.
        allow_hosts: Hosts inside the network that may be sent to.

    Returns:
        The target.

    Raises:
        BadSubscription: If it cannot be taken, or leads inside the network.
    """
    if len(url) > _MAX_URL_CHARS:
        raise BadSubscription("url", f"is longer than {_MAX_URL_CHARS} characters")
    if not is_chat(url):
        _check_webhook(url, allow_hosts=allow_hosts)
        signing = new_secret() if secret is None else _checked_secret(secret)
        return Target(TargetKind.WEBHOOK, url, signing)
    if secret is not None:
        raise BadSubscription("secret", "is for webhooks alone")
    try:
        shown = check_target(url, allow_hosts=allow_hosts)
    except BadTarget as error:
        advice = _ADVICE if "not public" in str(error) else ""
        raise BadSubscription("url", f"{error}{advice}") from None
    return Target(TargetKind.CHAT, shown, url)


def _check_webhook(url: str, *, allow_hosts: Collection[str]) -> None:
    problem = url_problem(url, allow_hosts=allow_hosts)
    if problem is not None:
        raise BadSubscription("url", problem + (_ADVICE if problem == "must be https" else ""))
    parsed = httpx.URL(url)
    port = parsed.port or _PORTS[parsed.scheme]
    try:
        checked_addresses(parsed.host, port, allow_hosts=allow_hosts, resolve=resolve)
    except AddressRefused as error:
        raise BadSubscription("url", f"{error}{_ADVICE}") from error
    except OSError:  # A name that is not there yet, or not from here; delivery will ask again.
        return


def _checked_secret(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except ValueError:  # among them binascii.Error
        size = 0
    if not secret.startswith(PREFIX) or not _MIN_SECRET_BYTES <= size <= _MAX_SECRET_BYTES:
        raise BadSubscription(
            "secret",
            f"must be {PREFIX} and {_MIN_SECRET_BYTES} to {_MAX_SECRET_BYTES} bytes in base64",
        )
    return secret
