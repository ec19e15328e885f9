"""Every type of event as a real endpoint gets it: signed, and valid by its published schema."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from alerts.delivery.schedule import DELAYS, DISABLE_AFTER
from db.deliveries import list_deliveries
from db.engine import Engine, transaction
from db.outbox import attempts
from db.subscriptions import find_subscription, list_subscriptions
from pipeline.trial import queue_trial
from tests.integration.endpoints import receiver
from tests.integration.samples import alert, mention
from tests.integration.watching import Watch, types, verified
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


def test_what_is_said_of_an_alert_is_verified_and_valid(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url)
        evidence = (mention("a"), mention("b"))
        for revision, state in enumerate(("firing", "firing", "resolved"), start=1):
            watch.tell(alert(revision=revision, state=state, evidence=evidence))
        watch.deliver()

        assert types(heard) == ["alert.fired", "alert.updated", "alert.resolved"]


async def test_the_test_button_sends_a_signed_event_and_its_attempt_can_be_looked_up(
    database_url: str, watch: Watch
) -> None:
    with receiver() as heard:
        subscription_id = watch.subscribe(heard.url)
        async with web_client(web_settings(database_url=database_url)) as client:
            asked = await client.post(f"/v1/subscriptions/{subscription_id}/test")
            unknown = await client.post(f"/v1/subscriptions/{uuid4()}/test")
            watch.deliver()
            path = f"/v1/deliveries/{asked.json()['id']}/attempts"
            made = (await client.get(path)).json()["attempts"]

        assert (asked.status_code, unknown.status_code) == (202, 404)
        assert (asked.json()["type"], asked.json()["alert_id"]) == ("subscription.test", None)
        assert types(heard) == ["subscription.test"]
        assert [(each["outcome"], each["status"]) for each in made] == [("delivered", 204)]


def test_an_endpoint_that_is_gone_is_disabled_and_the_operator_is_told(watch: Watch) -> None:
    with receiver() as operator, receiver() as gone:
        gone.status = 410
        watch.subscribe(operator.url, operations=True)
        subscription_id = watch.subscribe(gone.url, operations=True)
        watch.say(count=3)
        watch.deliver()
        told = verified(operator)[-1]

    assert len(gone.received) == 1, "nothing more is sent to it, not even that it is disabled"
    assert told["type"] == "endpoint.disabled"
    assert told["data"] == {
        "subscription_id": str(subscription_id),
        "endpoint": "http://127.0.0.1",
        "description": "to the bus",
        "reason": "the endpoint answered 410 Gone",
        "failing_since": None,
        "dead": 3,
    }


def test_an_endpoint_is_disabled_when_nothing_reached_it_for_five_days(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as operator, receiver() as down:
        down.status = 500
        watch.subscribe(operator.url, operations=True)
        subscription_id = watch.subscribe(down.url)
        watch.say()
        _use_up_the_schedule(watch)
        assert _disabled_reason(engine, subscription_id) is None, "three days are no five"
        watch.say()
        _use_up_the_schedule(watch)

        assert "five days" in str(_disabled_reason(engine, subscription_id))
        assert watch.lost > DISABLE_AFTER
        assert types(operator) == [
            "alert.fired",
            "delivery.dead",
            "alert.fired",
            "endpoint.disabled",
        ]
        assert len(down.received) == 2 * len(DELAYS)


def test_a_success_begins_the_five_days_anew(engine: Engine, watch: Watch) -> None:
    with receiver() as heard:
        subscription_id = watch.subscribe(heard.url)
        heard.status = 500
        watch.say()
        _use_up_the_schedule(watch)
        heard.status = 204
        watch.say()
        watch.deliver()
        heard.status = 500
        watch.say()
        _use_up_the_schedule(watch)

        assert _disabled_reason(engine, subscription_id) is None
        with transaction(engine) as session:
            rows = list_deliveries(session)
            assert [row.state for row in rows] == ["dead", "delivered", "dead"]
            made = [attempt.outcome for attempt in attempts(session, rows[0].id)]
        assert made == ["failed"] * (len(DELAYS) - 1) + ["dead"]


def test_receivers_that_are_both_away_do_not_tell_of_each_other_for_ever(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as one, receiver() as other:
        one.status = other.status = 500
        for heard in (one, other):
            watch.subscribe(heard.url, operations=True)
        watch.say()
        _use_up_the_schedule(watch)
        _use_up_the_schedule(watch)
        told = _deliveries(engine)
        _use_up_the_schedule(watch)

        assert told[:4] == ["alert.fired", "alert.fired", "delivery.dead", "delivery.dead"]
        assert set(told[4:]) <= {"endpoint.disabled"}
        assert _deliveries(engine) == told


def test_an_endpoint_that_asks_to_wait_is_left_alone_for_so_long(watch: Watch) -> None:
    with receiver() as busy:
        watch.subscribe(busy.url)
        busy.status, busy.retry_after = 429, "3600"
        watch.say(count=3)
        watch.deliver()
        assert len(busy.received) == 1
        watch.say()
        watch.lost = timedelta(minutes=59)
        assert watch.deliver() == 0, "an event that is new waits as well"
        busy.status = 204
        watch.lost = timedelta(minutes=61)
        watch.deliver()

        assert len(busy.received) == 5


async def test_a_time_range_is_sent_again_with_the_same_ids(
    database_url: str, watch: Watch
) -> None:
    with receiver() as heard:
        subscription_id = watch.subscribe(heard.url)
        watch.say()
        watch.deliver()
        heard.status = 410
        watch.say(count=2)
        watch.deliver()
        heard.status = 204
        wanted = {"subscription": str(subscription_id), "since": "1h"}
        async with web_client(web_settings(database_url=database_url)) as client:
            disabled = await client.post("/v1/deliveries/replay", json=wanted)
            resumed = await client.post(f"/v1/subscriptions/{subscription_id}/resume")
            earlier = await client.post(
                "/v1/deliveries/replay", json=wanted | {"since": "2h", "until": "1h"}
            )
            dead = await client.post("/v1/deliveries/replay", json=wanted)
            watch.deliver()
            everything = await client.post(
                "/v1/deliveries/replay", json=wanted | {"with_delivered": True}
            )
            watch.deliver()
            unknown = await client.post(
                "/v1/deliveries/replay", json=wanted | {"subscription": str(uuid4())}
            )
            unread = await client.post("/v1/deliveries/replay", json=wanted | {"since": "lately"})

    assert [a.status_code for a in (disabled, unknown, unread)] == [409, 404, 400]
    assert resumed.json()["disabled_reason"] is None
    answers = (earlier, dead, everything)
    assert [answer.json() for answer in answers] == [{"replayed": n} for n in (0, 2, 3)]
    ids = [headers["webhook-id"] for headers, _ in heard.received]
    assert (len(ids), len(set(ids))) == (7, 3)


def test_a_trial_goes_to_the_one_subscription_only(engine: Engine, watch: Watch) -> None:
    with receiver() as heard, receiver() as other:
        subscription_id = watch.subscribe(heard.url)
        watch.subscribe(other.url, operations=True)
        with transaction(engine) as session:
            queue_trial(session, subscription_id, now=datetime.now(UTC))
        watch.deliver()

        assert (types(heard), other.received) == (["subscription.test"], [])


def _use_up_the_schedule(watch: Watch) -> None:
    watch.deliver()
    for delay in DELAYS[1:]:
        watch.lost += 1.3 * delay
        watch.deliver()


def _deliveries(engine: Engine) -> list[str]:
    """Return the types of all deliveries, oldest first."""
    with transaction(engine) as session:
        return [row.type for row in reversed(list_deliveries(session))]


def _disabled_reason(engine: Engine, subscription_id: UUID) -> str | None:
    with transaction(engine) as session:
        row = find_subscription(session, subscription_id)
        assert row is not None
        assert row in list_subscriptions(session)
        return row.disabled_reason
