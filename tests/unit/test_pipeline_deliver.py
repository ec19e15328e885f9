import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from alerts.delivery.schedule import DELAYS
from alerts.delivery.secrets import encrypt, new_secret
from alerts.delivery.webhook import Attempt, Outcome, Reason
from db.delivery_rows import DeliveryRow, SubscriptionRow
from db.engine import Engine
from pipeline.stages import deliver, settle
from pipeline.stages.deliver import deliver_one
from pipeline.stages.sending import SignedPost

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = Fernet.generate_key().decode()
SECRET = new_secret()


def delivery(*, attempts: int = 0, secret: bytes | None = None) -> DeliveryRow:
    subscription = SubscriptionRow(
        id=UUID(int=1),
        url="https://hooks.example/x",
        secret=encrypt(SECRET, KEY) if secret is None else secret,
        description="",
    )
    return DeliveryRow("msg_1", subscription, "alert.fired", '{"a": "涨"}', attempts)


class FakeOutbox:
    """Remembers what would have been stored."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.recorded: list[dict[str, Any]] = []
        monkeypatch.setattr(deliver, "transaction", self._transaction)
        monkeypatch.setattr(settle, "record_attempt", self._record)
        monkeypatch.setattr(settle, "note_success", lambda *_: None)
        monkeypatch.setattr(settle, "note_failure", lambda *_, **__: NOW)
        monkeypatch.setattr(settle, "told_of_operations", lambda *_, **__: [])
        monkeypatch.setattr(settle, "save_notice", lambda *_, **__: [])
        monkeypatch.setattr(settle, "disable", lambda *_: 1)

    @contextlib.contextmanager
    def _transaction(self, _engine: object) -> Iterator[None]:
        yield

    def _record(self, _session: object, delivery_id: str, **columns: Any) -> None:
        self.recorded.append({"id": delivery_id, **columns})

    def deliver(self, row: DeliveryRow, attempt: Attempt) -> tuple[Outcome, bool]:
        """Deliver to an endpoint that answers so."""
        return deliver_one(
            cast("Engine", None),
            row,
            send=lambda _row, now: attempt,  # noqa: ARG005  # the seam's form
            now=lambda: NOW,
            jitter=lambda: 0.0,
        )


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> FakeOutbox:
    return FakeOutbox(monkeypatch)


def test_a_post_is_signed_with_the_secret_of_its_subscription() -> None:
    def receive(request: httpx.Request) -> httpx.Response:
        Webhook(SECRET).verify(request.content, dict(request.headers))
        assert request.headers["webhook-id"] == "msg_1"
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        attempt = SignedPost(client, key=KEY, timeout_s=1)(delivery(), now=datetime.now(UTC))

    assert attempt.outcome is Outcome.DELIVERED


@pytest.mark.parametrize("secret", [encrypt(SECRET, Fernet.generate_key().decode()), b"torn"])
def test_a_secret_that_does_not_open_is_a_failure_and_sends_nothing(secret: bytes) -> None:
    def receive(_request: httpx.Request) -> httpx.Response:
        pytest.fail("nothing may be sent")

    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        attempt = SignedPost(client, key=KEY, timeout_s=1)(delivery(secret=secret), now=NOW)

    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, Reason.SECRET_UNREADABLE)


def test_a_delivered_row_is_recorded_and_not_due_again(outbox: FakeOutbox) -> None:
    came = outbox.deliver(delivery(), Attempt(Outcome.DELIVERED, 204, duration_ms=12))

    assert came == (Outcome.DELIVERED, False)
    assert outbox.recorded == [
        {
            "id": "msg_1",
            "at": NOW,
            "outcome": "delivered",
            "status": 204,
            "detail": None,
            "duration_ms": 12,
            "next_attempt_at": None,
        }
    ]


def test_a_failed_attempt_is_due_again_by_the_schedule(outbox: FakeOutbox) -> None:
    came = outbox.deliver(delivery(attempts=1), Attempt(Outcome.FAILED, 500, Reason.STATUS))

    assert came == (Outcome.FAILED, False)
    assert outbox.recorded[0]["next_attempt_at"] == NOW + DELAYS[2]


def test_an_endpoint_may_ask_for_more_time_than_the_schedule_gives(outbox: FakeOutbox) -> None:
    asked = timedelta(hours=1)

    came = outbox.deliver(delivery(), Attempt(Outcome.FAILED, 429, Reason.STATUS, asked))

    assert came == (Outcome.FAILED, True), "it wants nothing more for now"
    assert outbox.recorded[0]["next_attempt_at"] == NOW + asked


def test_the_last_failure_is_dead(outbox: FakeOutbox) -> None:
    row = delivery(attempts=len(DELAYS) - 1)

    came = outbox.deliver(row, Attempt(Outcome.FAILED, None, Reason.TIMEOUT))

    assert came == (Outcome.DEAD, True), "it would hold up the others as well"
    assert outbox.recorded[0]["next_attempt_at"] is None


def test_an_endpoint_that_is_gone_is_disabled(outbox: FakeOutbox) -> None:
    came = outbox.deliver(delivery(), Attempt(Outcome.GONE, 410, Reason.STATUS))

    assert came == (Outcome.GONE, True)
    assert outbox.recorded[0]["next_attempt_at"] is None
