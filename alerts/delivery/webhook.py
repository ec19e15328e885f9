"""One signed attempt at a webhook; retries belong to the outbox, with the same id.

Form: Standard Webhooks 1.0. What may be connected to is decided in ``addresses``, when to try
again in ``schedule``.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from time import monotonic

import httpx
from standardwebhooks import Webhook

from alerts.delivery.addresses import AddressRefused


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"  # The endpoint says 410: it is to be disabled.
    DEAD = "dead"  # Failed, and no attempt is left; said by whoever knows the schedule.


class Reason(StrEnum):
    """Why an attempt failed; also fit for a metric's label."""

    STATUS = "status"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    ADDRESS_REFUSED = "address_refused"
    TLS = "tls"
    CONNECT = "connect"
    PROTOCOL = "protocol"
    BAD_URL = "bad_url"
    NOT_ACCEPTED = "not_accepted"  # By a chat or mail service, which tells no more.
    # Said by whoever opens the stored secret.
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - a reason, no secret


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one attempt, to be stored.

    Attributes:
        status: The HTTP status; None where there was no answer.
        detail: The ``Reason``; None when delivered.
        retry_after: What the endpoint asked for, not capped.
    """

    outcome: Outcome
    status: int | None = None
    detail: Reason | None = None
    retry_after: timedelta | None = None
    duration_ms: int = 0


def send(
    client: httpx.Client,
    *,
    url: str,
    secrets: Sequence[str],
    message_id: str,
    body: str,
    now: datetime,
    timeout_s: float,
) -> Attempt:
    """Post one signed message.

    Args:
        client: From ``transport.guarded_client``, which refuses addresses inside the network
            and ends an exchange that takes too long.
        url: The endpoint.
        secrets: Its signing secrets, ``whsec_...``, newest first; one signature is made with each.
        message_id: The receiver's idempotency key, the same over all attempts.
        body: The exact text that is signed and sent.
        now: Time of this attempt, aware, in any zone.
        timeout_s: Longest wait for the connection and for each piece of the answer.

    Returns:
        What became of it: every answer and every failure on the way is a value.
    """
    content = body.encode()
    # The library takes an aware time's wall clock for UTC.
    utc = now.astimezone(UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "tapewatch",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(utc.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(message_id, utc, body) for secret in secrets
        ),
    }
    started = monotonic()
    try:
        # The status is all we want: a stream leaves the body, however long, unread.
        with client.stream(
            "POST",
            url,
            content=content,
            headers=headers,
            timeout=timeout_s,
            follow_redirects=False,
        ) as response:
            attempt = _judge(response, utc)
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
        attempt = Attempt(Outcome.FAILED, detail=_reason(error))
    return Attempt(
        attempt.outcome,
        attempt.status,
        attempt.detail,
        attempt.retry_after,
        round((monotonic() - started) * 1000),
    )


def _judge(response: httpx.Response, now: datetime) -> Attempt:
    status = response.status_code
    if response.is_success:
        return Attempt(Outcome.DELIVERED, status)
    if status == httpx.codes.GONE:
        return Attempt(Outcome.GONE, status, Reason.STATUS)
    reason = Reason.REDIRECT if response.is_redirect else Reason.STATUS
    retry_after = _retry_after(response.headers.get("retry-after"), now)
    return Attempt(Outcome.FAILED, status, reason, retry_after)


def _retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read the header's seconds or date; what cannot be read asks for nothing."""
    if value is None:
        return None
    try:
        if value.strip().isdecimal():
            return timedelta(seconds=int(value))
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # "-0000" in an HTTP date comes back naive; HTTP dates are UTC.
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(at - now, timedelta(0))


def _reason(error: Exception) -> Reason:
    if isinstance(error, AddressRefused):
        return Reason.ADDRESS_REFUSED
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | UnicodeError):
        return Reason.BAD_URL
    if isinstance(error, httpx.TimeoutException):
        return Reason.TIMEOUT
    if isinstance(error, httpx.NetworkError):
        return Reason.TLS if _from_tls(error) else Reason.CONNECT
    return Reason.PROTOCOL


def _from_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
