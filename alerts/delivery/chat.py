"""One attempt at a chat or mail target, through ``apprise``; retries belong to the outbox.

A target's URL is a secret as a whole: it carries tokens and passwords.
"""

import logging
import os
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from time import monotonic
from typing import Any

from apprise import Apprise, NotifyFormat, NotifyType
from apprise.plugins import NotifyBase
from apprise.plugins.pagerduty import NotifyPagerDuty, PagerDutyAction

from alerts.delivery.addresses import AddressRefused, checked_addresses, resolve
from alerts.delivery.guard import guarded_connections, never_unguarded
from alerts.delivery.webhook import Attempt, Outcome, Reason

# Of the hundred and more that the library knows, those that we have tried.
SCHEMES = {
    "slack": "Slack",
    "workflows": "Teams",
    "tgram": "Telegram",
    "feishu": "Feishu",
    "dingtalk": "DingTalk",
    "wecombot": "WeCom",
    "mailto": "mail",
    "mailtos": "mail over TLS",
    "pagerduty": "PagerDuty",
}
# Whose host the owner names; that of the others is the service's own.
_OWN_HOST = {"workflows", "mailto", "mailtos"}
# PagerDuty takes the least of them.
MAX_CHARS = 1000

never_unguarded("apprise")

# Both write URLs with their tokens.
for _name in ("apprise", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Level(StrEnum):
    """How a message looks where the service has colours or severities."""

    BAD = "failure"
    WARNING = "warning"
    GOOD = "success"
    PLAIN = "info"


class BadTarget(ValueError):
    """A chat target that cannot be used; the text never holds the URL."""


def is_chat(url: str) -> bool:
    """Tell whether a URL is one of a chat or mail target, rather than a webhook's."""
    return _scheme(url) not in {"http", "https", ""}


def check_target(url: str, *, allow_hosts: Collection[str]) -> str:
    """Check a chat or mail target.

    Args:
        url: As the owner gave it.
        allow_hosts: Hosts inside the network that may be sent to.

    Returns:
        What may be shown of it: the scheme, and the host where the owner names one.

    Raises:
        BadTarget: If it cannot be used, or leads inside the network.
    """
    scheme = _scheme(url)
    target = _open(url)
    if scheme not in _OWN_HOST:
        return f"{scheme}://"
    host = str(getattr(target, "smtp_host", "") or target.host)
    try:
        checked_addresses(host, 0, allow_hosts=allow_hosts, resolve=resolve)
    except AddressRefused as error:
        raise BadTarget(str(error)) from None
    except OSError:  # A name that is not there yet; delivery will ask again.
        pass
    return f"{scheme}://{host}"


def send_chat(
    url: str,
    *,
    title: str,
    text: str,
    level: Level,
    incident: str,
    allow_hosts: Collection[str],
    timeout_s: float,
) -> Attempt:
    """Send one message.

    Args:
        url: The target.
        title: One line.
        text: Plain text, at most ``MAX_CHARS`` characters with the title.
        level: How it looks.
        incident: What it is about, where the service keeps incidents: what is ``GOOD`` ends one,
            anything else opens it or is added to it.
        allow_hosts: Hosts inside the network that may be connected to.
        timeout_s: Longest life of the attempt, as far as the library keeps to it.

    Returns:
        What became of it: services and mail servers tell no more than yes or no.
    """
    started = monotonic()
    try:
        target = _open(url)
    except BadTarget:
        return Attempt(Outcome.FAILED, detail=Reason.BAD_URL)
    # A connection and a few answers must fit.
    target.socket_connect_timeout = target.socket_read_timeout = timeout_s / 4
    target.redirects = False
    if target.verify_certificate and (authorities := os.environ.get("SSL_CERT_FILE")):
        # Mail reads the variable itself, what goes over http does not.
        target.verify_certificate = authorities
    if isinstance(target, NotifyPagerDuty):
        target.action, target.dedup = PagerDutyAction.MAP, incident
    sender = Apprise()
    sender.add(target)
    with guarded_connections(allow_hosts) as guard:
        sent = sender.notify(
            body=text,
            title=title,
            notify_type=NotifyType(level.value),
            body_format=NotifyFormat.TEXT,
        )
    duration_ms = round(timedelta(seconds=monotonic() - started) / timedelta(milliseconds=1))
    if sent:
        return Attempt(Outcome.DELIVERED, duration_ms=duration_ms)
    reason = Reason.ADDRESS_REFUSED if guard.refused else Reason.NOT_ACCEPTED
    return Attempt(Outcome.FAILED, detail=reason, duration_ms=duration_ms)


def _open(url: str) -> Any:  # noqa: ANN401  # the library has no types
    if _scheme(url) not in SCHEMES:
        raise BadTarget(f"must begin with https or one of {', '.join(SCHEMES)}")
    try:
        target = Apprise.instantiate(url, suppress_exceptions=True)
    except Exception as error:  # noqa: BLE001  # whatever its parsers raise; it may hold the URL
        raise BadTarget(f"cannot be read: {type(error).__name__}") from None
    if not isinstance(target, NotifyBase):
        raise BadTarget("is not complete: https://appriseit.com/services tells the form")
    return target


def _scheme(url: str) -> str:
    return url.partition("://")[0].strip().lower() if "://" in url else ""
