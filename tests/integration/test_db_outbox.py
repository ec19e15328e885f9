"""The outbox: each delivery to one claimer at a time, in order, until delivered or dead."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db.alerts import save_alerts
from db.delivery_rows import AttemptRow, DeliveryRow, SubscriptionRow
from db.endpoints import disable, resume
from db.engine import Engine, transaction
from db.outbox import attempts, claim, pending, record_attempt
from db.subscriptions import create_subscription, delete_subscription
from tests.integration.samples import NOON, alert, event, minutes, subscription

pytestmark = pytest.mark.integration

NOW = NOON
LEASE = minutes(1)


@pytest.fixture
def endpoint(engine: Engine) -> SubscriptionRow:
    row = subscription()
    with transaction(engine) as session:
        create_subscription(session, row)
    return row


def say(engine: Engine, *, alerts: int = 1, revisions: Iterable[int] = (1,)) -> None:
    """Save the events of some alerts, one alert after the other."""
    with transaction(engine) as session:
        for number in range(alerts):
            for revision in revisions:
                row = alert(fired_at=NOON + number * timedelta(days=1), revision=revision)
                save_alerts(session, [(row, event(row))])


def claimed(engine: Engine, *, now: datetime = NOW, limit: int = 100) -> list[DeliveryRow]:
    with transaction(engine) as session:
        return claim(session, now=now, limit=limit, lease=LEASE)


def record(
    engine: Engine,
    delivery: DeliveryRow,
    outcome: str,
    *,
    at: datetime = NOW,
    next_attempt_at: datetime | None = None,
) -> None:
    with transaction(engine) as session:
        record_attempt(
            session,
            delivery.id,
            at=at,
            outcome=outcome,
            status=204 if outcome == "delivered" else None,
            detail=None,
            duration_ms=12,
            next_attempt_at=next_attempt_at,
        )


def count(engine: Engine) -> int:
    with transaction(engine) as session:
        return pending(session)


def test_a_delivery_carries_what_is_needed_to_send_it(
    engine: Engine, endpoint: SubscriptionRow
) -> None:
    say(engine)

    [delivery] = claimed(engine)

    assert delivery.subscription == endpoint
    assert (delivery.type, delivery.body, delivery.attempts) == (
        "alert.fired",
        '{"revision": 1}',
        0,
    )


def test_a_lease_of_a_clock_that_was_hours_ahead_holds_nothing(
    engine: Engine, endpoint: SubscriptionRow
) -> None:
    say(engine)
    (ahead,) = claimed(engine, now=NOW + timedelta(hours=4))

    (again,) = claimed(engine, now=NOW)

    assert again.id == ahead.id
    assert again.subscription.id == endpoint.id
    assert claimed(engine, now=NOW) == []


@pytest.mark.usefixtures("endpoint")
def test_a_leased_delivery_is_invisible_until_the_lease_ends(engine: Engine) -> None:
    say(engine)
    [first] = claimed(engine)

    assert claimed(engine, now=NOW + LEASE - timedelta(seconds=1)) == []
    assert claimed(engine, now=NOW + LEASE) == [first], "the same id: a receiver can tell"


@pytest.mark.usefixtures("endpoint")
def test_a_delivered_event_is_never_claimed_again(engine: Engine) -> None:
    say(engine)
    [delivery] = claimed(engine)
    assert count(engine) == 1

    record(engine, delivery, "delivered")

    assert count(engine) == 0
    assert claimed(engine, now=NOW + timedelta(days=9)) == []


@pytest.mark.usefixtures("endpoint")
def test_a_failed_delivery_waits_for_its_next_attempt(engine: Engine) -> None:
    say(engine)
    [delivery] = claimed(engine)

    record(engine, delivery, "failed", next_attempt_at=NOW + minutes(5))

    assert claimed(engine, now=NOW + minutes(4)) == []
    [again] = claimed(engine, now=NOW + minutes(5))
    assert (again.id, again.attempts) == (delivery.id, 1)


@pytest.mark.parametrize("outcome", ["failed", "gone", "dead"])
@pytest.mark.usefixtures("endpoint")
def test_a_delivery_without_a_next_attempt_is_dead(engine: Engine, outcome: str) -> None:
    say(engine)
    [delivery] = claimed(engine)

    record(engine, delivery, outcome)

    assert count(engine) == 0
    assert claimed(engine, now=NOW + timedelta(days=9)) == []


@pytest.mark.usefixtures("endpoint")
def test_every_attempt_is_recorded(engine: Engine) -> None:
    say(engine)
    [delivery] = claimed(engine)
    record(engine, delivery, "failed", next_attempt_at=NOW)
    record(engine, delivery, "delivered", at=NOW + minutes(1))

    with transaction(engine) as session:
        assert attempts(session, delivery.id) == [
            AttemptRow(delivery.id, NOW, "failed", None, None, 12),
            AttemptRow(delivery.id, NOW + minutes(1), "delivered", 204, None, 12),
        ]


@pytest.mark.usefixtures("endpoint")
def test_a_late_failure_does_not_revive_what_another_delivered(engine: Engine) -> None:
    say(engine)
    [delivery] = claimed(engine)
    record(engine, delivery, "delivered")

    record(engine, delivery, "failed", next_attempt_at=NOW)

    assert count(engine) == 0


@pytest.mark.usefixtures("endpoint")
def test_the_events_of_an_alert_go_out_in_order_and_wait_for_each_other(engine: Engine) -> None:
    say(engine, revisions=(1, 2, 3))

    [fired] = claimed(engine)
    record(engine, fired, "failed", next_attempt_at=NOW + minutes(5))
    assert claimed(engine) == [], "the update waits for the alert it updates"

    [fired] = claimed(engine, now=NOW + minutes(5))
    record(engine, fired, "delivered")
    [updated] = claimed(engine, now=NOW + minutes(5))
    record(engine, updated, "dead")
    [third] = claimed(engine, now=NOW + minutes(5))
    assert [row.body for row in (fired, updated, third)] == [
        '{"revision": 1}',
        '{"revision": 2}',
        '{"revision": 3}',
    ]


@pytest.mark.usefixtures("endpoint")
def test_one_alert_that_waits_holds_up_no_other(engine: Engine) -> None:
    say(engine, alerts=3, revisions=(1, 2))
    [one, two, three] = claimed(engine)

    record(engine, two, "delivered")

    [update] = claimed(engine)
    assert update.body == '{"revision": 2}'
    assert len({one.id, two.id, three.id, update.id}) == 4


def test_one_endpoint_that_waits_holds_up_no_other(engine: Engine) -> None:
    with transaction(engine) as session:
        for _ in range(2):
            create_subscription(session, subscription())
    say(engine, revisions=(1, 2))
    [slow, quick] = claimed(engine)

    record(engine, quick, "delivered")

    [update] = claimed(engine)
    assert update.subscription == quick.subscription
    assert update.subscription != slow.subscription


@pytest.mark.usefixtures("endpoint")
def test_oldest_first_and_no_more_than_asked(engine: Engine) -> None:
    say(engine, alerts=5)

    first, rest = claimed(engine, limit=2), claimed(engine, limit=9)

    assert len(first) == 2
    assert len(rest) == 3
    assert not {row.id for row in first} & {row.id for row in rest}


@pytest.mark.usefixtures("endpoint")
def test_two_claimers_never_get_the_same_delivery(engine: Engine) -> None:
    say(engine, alerts=60)

    def drain(_: int) -> list[str]:
        got: list[str] = []
        while rows := claimed(engine, limit=3):
            got += [row.id for row in rows]
        return got

    with ThreadPoolExecutor(3) as pool:
        ids = [key for got in pool.map(drain, range(3)) for key in got]

    # A claimer may come home empty while another holds the last rows; none is handed out twice.
    assert len(ids) == len(set(ids))
    assert len(ids) == 60


def test_disabling_a_subscription_ends_what_waits_for_it(
    engine: Engine, endpoint: SubscriptionRow
) -> None:
    say(engine, alerts=2)
    [delivery, _] = claimed(engine)

    with transaction(engine) as session:
        record_attempt(
            session,
            delivery.id,
            at=NOW,
            outcome="gone",
            status=410,
            detail=None,
            duration_ms=1,
            next_attempt_at=None,
        )
        disable(session, endpoint.id, "410 Gone")

    assert count(engine) == 0
    assert claimed(engine, now=NOW + timedelta(days=9)) == []


def test_what_was_stored_for_an_endpoint_while_it_was_disabled_is_not_sent(
    engine: Engine, endpoint: SubscriptionRow
) -> None:
    say(engine)
    with transaction(engine) as session:  # after ``say`` had found it enabled
        session.execute(text("UPDATE subscriptions SET disabled_reason = '410 Gone'"))

    assert claimed(engine) == []
    with transaction(engine) as session:
        assert resume(session, endpoint.id)
    assert claimed(engine) == []
    assert count(engine) == 0


def test_a_delivery_that_was_deleted_meanwhile_is_passed_over(
    engine: Engine, endpoint: SubscriptionRow
) -> None:
    say(engine)
    [delivery] = claimed(engine)
    with transaction(engine) as session:
        delete_subscription(session, endpoint.id)

    record(engine, delivery, "delivered")

    with transaction(engine) as session:
        assert attempts(session, delivery.id) == []
