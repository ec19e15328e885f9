"""Every type of event as a real endpoint gets it: signed, and valid by its published schema."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import standardwebhooks
import svix.webhooks
from jsonschema import Draft202012Validator

from alerts.delivery.schedule import DELAYS, DISABLE_AFTER
from alerts.delivery.secrets import encrypt, new_secret
from alerts.delivery.transport import guarded_client
from alerts.types import TransitionKind
from db.alerts import save_alerts
from db.deliveries import list_deliveries
from db.engine import Engine, transaction
from db.rows import SubscriptionRow
from db.subscriptions import create_subscription, find_subscription, list_subscriptions
from pipeline.stages.alerting import said_of
from pipeline.stages.deliver import Lanes, SignedPost
from pipeline.trial import queue_trial
from tests.compose import ROOT
from tests.integration.endpoints import Receiver, receiver
from tests.integration.samples import NOON, alert, mention, minutes
from tests.integration.web_client import SECRET_KEY, web_client, web_settings

pytestmark = pytest.mark.integration

SECRET = new_secret()
OF_ALERTS = {kind.value: "alert.v1.json" for kind in TransitionKind}


class Watch:
    """Delivers on a real database, at a time that a test moves; endpoints look at the real clock.

    Attributes:
        lost: How much later than the real time it is.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lost = timedelta(0)
        self._client = guarded_client(allow_hosts=["127.0.0.1"])
        self._send = SignedPost(self._client, key=SECRET_KEY, timeout_s=5.0)
        self._lanes = Lanes(
            engine,
            send=lambda row, now: self._send(row, now=now - self.lost),
            timeout_s=5.0,
            now=lambda: datetime.now(UTC) + self.lost,
        )

    def subscribe(self, url: str, *, operations: bool = False) -> UUID:
        """Add a subscription and return its id."""
        row = SubscriptionRow(
            uuid4(), url, encrypt(SECRET, SECRET_KEY), "to the bus", operations=operations
        )
        with transaction(self.engine) as session:
            create_subscription(session, row)
        return row.id

    def say(self, *, count: int = 1) -> None:
        """Fire so many alerts."""
        with transaction(self.engine) as session:
            for number in range(count):
                row = alert(fired_at=NOON + minutes(number + len(list_deliveries(session))))
                save_alerts(session, [(row, said_of(row, TransitionKind.FIRED))])

    def deliver(self) -> int:
        """Send all that is due, also what follows from it; return how much that was."""
        sent = 0
        while claimed := self._lanes.tick():
            assert self._lanes.wait_idle(20)
            sent += claimed
        return sent

    def close(self) -> None:
        """End the lanes."""
        assert self._lanes.close(10)
        self._client.close()


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


def verified(heard: Receiver) -> list[dict[str, object]]:
    """Return what an endpoint received, once both libraries and the schemas accept it."""
    events = []
    for headers, body in heard.received:
        standardwebhooks.Webhook(SECRET).verify(body, headers)
        svix.webhooks.Webhook(SECRET).verify(body, headers)
        event = json.loads(body)
        name = OF_ALERTS.get(event["type"], f"{event['type']}.v1.json")
        schema = json.loads((ROOT / "docs" / "schemas" / name).read_text())
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            event
        )
        assert len(body) < 20_000
        events.append(event)
    return events


def types(heard: Receiver) -> list[object]:
    return [event["type"] for event in verified(heard)]


def test_what_is_said_of_an_alert_is_verified_and_valid(engine: Engine, watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url)
        states = (("firing", "fired"), ("firing", "updated"), ("resolved", "resolved"))
        with transaction(engine) as session:
            for revision, (state, kind) in enumerate(states, start=1):
                row = alert(revision=revision, state=state, evidence=(mention("a"), mention("b")))
                save_alerts(session, [(row, said_of(row, TransitionKind(f"alert.{kind}")))])
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
            assert [row.state for row in list_deliveries(session)] == ["dead", "delivered", "dead"]


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
