"""Where alerts may be sent, and what a receiver's own secret may be.

Delivery checks the address again each time.
"""

import base64
import binascii
from collections.abc import Collection

import httpx

from alerts.delivery.addresses import AddressRefused, checked_addresses, resolve
from alerts.delivery.secrets import PREFIX
from alerts.delivery.urls import url_problem

# Standard Webhooks' bounds.
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
_MAX_URL_CHARS = 2_000
_PORTS = {"http": 80, "https": 443}


class BadSubscription(ValueError):
    """A subscription that cannot be taken; ``field`` is the part of it that is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def check_webhook(url: str, *, allow_hosts: Collection[str]) -> None:
    """Raise BadSubscription if a webhook's URL cannot be taken, or leads inside."""
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


def checked_secret(secret: str) -> str:
    """Return a receiver's own secret; raises BadSubscription if it cannot sign."""
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
