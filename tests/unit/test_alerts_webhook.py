"""One attempt: the signature, and what becomes of every answer."""

import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
import standardwebhooks
import svix.webhooks

from alerts.delivery.addresses import AddressRefused
from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.webhook import Attempt, Outcome, Reason, send

URL = "https://hooks.example.com/in?token=t"
BODY = '{"type":"alert.fired","data":{"name":"北湖银行 – “shares plunge”"}}'
SECRET = new_secret()
EAST = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 5, 17, 12, 3, tzinfo=EAST)

Receiver = Callable[[httpx.Request], httpx.Response]


def deliver(
    receiver: Receiver, *, secrets: Sequence[str] = (SECRET,), now: datetime = NOW
) -> Attempt:
    with httpx.Client(transport=httpx.MockTransport(receiver)) as client:
        return send(
            client,
            url=URL,
            secrets=secrets,
            message_id="msg_1",
            body=BODY,
            now=now,
            timeout_s=5,
        )


def answer(status: int, headers: dict[str, str] | None = None) -> Receiver:
    return lambda _: httpx.Response(status, headers=headers)


@pytest.mark.parametrize("url", ["https://xn--a/", "https://[fe80::1%é]/"])
def test_a_host_whose_name_cannot_be_read_is_an_outcome(url: str) -> None:
    with guarded_client() as client:
        attempt = send(
            client,
            url=url,
            secrets=[SECRET],
            message_id="msg_1",
            body=BODY,
            now=NOW,
            timeout_s=5,
        )

    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, Reason.BAD_URL)


def test_standardwebhooks_verifies_the_signature_on_the_exact_bytes() -> None:
    now = datetime.now(EAST)  # the receivers' libraries look at their own clock

    def receiver(request: httpx.Request) -> httpx.Response:
        standardwebhooks.Webhook(SECRET).verify(request.content, dict(request.headers))
        assert request.content == BODY.encode()
        assert request.headers["webhook-id"] == "msg_1"
        assert request.headers["webhook-timestamp"] == str(int(now.timestamp()))
        assert request.headers["content-type"] == "application/json"
        return httpx.Response(204)

    attempt = deliver(receiver, now=now)

    assert (attempt.outcome, attempt.status, attempt.detail) == (Outcome.DELIVERED, 204, None)


def test_svix_verifies_the_signature() -> None:
    now = datetime.now(EAST)  # the receivers' libraries look at their own clock

    def receiver(request: httpx.Request) -> httpx.Response:
        svix.webhooks.Webhook(SECRET).verify(request.content, dict(request.headers))
        return httpx.Response(200)

    assert deliver(receiver, now=now).outcome is Outcome.DELIVERED


def test_while_a_secret_is_replaced_receivers_with_either_one_verify_the_message() -> None:
    new, old = new_secret(), new_secret()

    def receiver(request: httpx.Request) -> httpx.Response:
        for secret in (new, old):
            standardwebhooks.Webhook(secret).verify(request.content, dict(request.headers))
            svix.webhooks.Webhook(secret).verify(request.content, dict(request.headers))
        assert request.headers["webhook-signature"].count("v1,") == 2
        return httpx.Response(204)

    attempt = deliver(receiver, secrets=[new, old], now=datetime.now(EAST))

    assert attempt.outcome is Outcome.DELIVERED


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "secret"])
def test_a_receiver_refuses_what_was_changed_on_the_way(change: str) -> None:
    now = datetime.now(EAST)  # the receivers' libraries look at their own clock

    def receiver(request: httpx.Request) -> httpx.Response:
        headers, body = dict(request.headers), request.content
        if change == "body":
            body += b" "
        if change == "id":
            headers["webhook-id"] += "x"
        if change == "timestamp":
            headers["webhook-timestamp"] = str(int(now.timestamp()) + 1)
        secret = new_secret() if change == "secret" else SECRET
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(body, headers)
        with pytest.raises(svix.webhooks.WebhookVerificationError):
            svix.webhooks.Webhook(secret).verify(body, headers)
        return httpx.Response(204)

    assert deliver(receiver, now=now).outcome is Outcome.DELIVERED


def test_a_retry_has_the_same_id_and_a_new_timestamp_and_signature() -> None:
    seen: list[httpx.Request] = []

    def receiver(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    deliver(receiver)
    deliver(receiver, now=NOW + timedelta(minutes=5))

    first, second = (request.headers for request in seen)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(status: int) -> None:
    assert deliver(answer(status)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_every_other_status_is_failed_and_stays_to_be_retried(status: int) -> None:
    attempt = deliver(answer(status))

    assert (attempt.outcome, attempt.status) == (Outcome.FAILED, status)
    assert attempt.detail is Reason.STATUS


def test_410_is_gone() -> None:
    assert deliver(answer(410)).outcome is Outcome.GONE


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    seen: list[str] = []

    def receiver(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(status, headers={"location": "https://elsewhere.example.com/"})

    attempt = deliver(receiver)

    assert (attempt.outcome, attempt.status) == (Outcome.FAILED, status)
    assert attempt.detail is Reason.REDIRECT
    assert seen == [URL]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        (format_datetime((NOW + timedelta(hours=1)).astimezone(UTC), usegmt=True), 3600),
        (format_datetime((NOW - timedelta(hours=1)).astimezone(UTC), usegmt=True), 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
        ("soon", None),
        ("-5", None),
        ("9" * 40, None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    header: str, expected: timedelta | float | None
) -> None:
    retry_after = deliver(answer(429, {"retry-after": header})).retry_after

    if expected is None or retry_after is None:
        assert retry_after is expected
    else:
        seconds = expected.total_seconds() if isinstance(expected, timedelta) else expected
        assert retry_after.total_seconds() == pytest.approx(seconds, abs=1)


def tls_failure() -> httpx.ConnectError:
    error = httpx.ConnectError("handshake")
    error.__cause__ = ssl.SSLCertVerificationError("host name mismatch")
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectTimeout("slow"), Reason.TIMEOUT),
        (httpx.ReadTimeout("slow"), Reason.TIMEOUT),
        (httpx.ConnectError("refused"), Reason.CONNECT),
        (httpx.ReadError("reset"), Reason.CONNECT),
        (tls_failure(), Reason.TLS),
        (httpx.RemoteProtocolError("not http"), Reason.PROTOCOL),
        (AddressRefused("inside"), Reason.ADDRESS_REFUSED),
    ],
)
def test_a_failure_on_the_way_is_an_outcome_and_no_exception(
    error: httpx.TransportError, reason: Reason
) -> None:
    def receiver(_: httpx.Request) -> httpx.Response:
        raise error

    attempt = deliver(receiver)

    assert (attempt.outcome, attempt.status, attempt.detail) == (Outcome.FAILED, None, reason)


@pytest.mark.parametrize("url", ["https://", "ftp://a.example/x", "nonsense", "https://a\x00b/"])
def test_a_stored_url_that_is_none_is_an_outcome_too(url: str) -> None:
    with httpx.Client() as client:
        attempt = send(
            client, url=url, secrets=(SECRET,), message_id="m", body="{}", now=NOW, timeout_s=1
        )

    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, Reason.BAD_URL)
