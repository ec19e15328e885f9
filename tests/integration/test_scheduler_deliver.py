import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from alerts.delivery.schedule import DELAYS
from alerts.delivery.secrets import encrypt, new_secret
from alerts.delivery.transport import guarded_client
from db.alerts import save_alerts
from db.deliveries import list_deliveries
from db.delivery_rows import SubscriptionRow
from db.engine import DatabaseAway, Engine, transaction
from db.outbox import attempts, pending
from db.subscriptions import create_subscription, list_subscriptions
from pipeline.stages import deliver, settle
from pipeline.stages.deliver import Lanes
from pipeline.stages.sending import SignedPost
from tests.integration.endpoints import GONE, REFUSED, Clock, FakeSend, receiver
from tests.integration.samples import NOON, alert, event, minutes, subscription
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

KEY = Fernet.generate_key().decode()
TIMEOUT_S = 20.0


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def send(clock: Clock) -> Iterator[FakeSend]:
    fake = FakeSend(clock)
    yield fake
    fake.released.set()


@pytest.fixture
def lanes(engine: Engine, send: FakeSend, clock: Clock) -> Iterator[Lanes]:
    running = _lanes(engine, send, clock)
    yield running
    send.released.set()
    assert running.close(10)


def _lanes(engine: Engine, send: deliver.Send, now: Callable[[], datetime]) -> Lanes:
    return Lanes(engine, send=send, timeout_s=TIMEOUT_S, now=now)


def _subscribe(engine: Engine, row: SubscriptionRow | None = None) -> UUID:
    row = row or subscription()
    with transaction(engine) as session:
        create_subscription(session, row)
    return row.id


def _say(engine: Engine, *, count: int = 1, revision: int = 1, since: datetime = NOON) -> None:
    """Store ``count`` alerts, or the next revision of them."""
    with transaction(engine) as session:
        for number in range(count):
            row = alert(fired_at=since + minutes(number), revision=revision)
            save_alerts(session, [(row, event(row))])


def _pass(lanes: Lanes) -> int:
    claimed = lanes.tick()
    assert lanes.wait_idle(10)
    return claimed


def _waiting(engine: Engine) -> int:
    with transaction(engine) as session:
        return pending(session)


def _positions(engine: Engine) -> dict[str, int]:
    with transaction(engine) as session:
        return {row.id: row.position for row in list_deliveries(session, limit=5000)}


def test_what_is_said_of_an_alert_reaches_each_subscription_once(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    _subscribe(engine)
    _subscribe(engine)
    _say(engine, count=3)

    assert _pass(lanes) == 6
    assert _pass(lanes) == 0
    assert len({row.id for row in send.sent}) == len(send.sent) == 6
    assert _waiting(engine) == 0


def test_two_schedulers_send_each_delivery_once(engine: Engine, clock: Clock) -> None:
    for _ in range(4):
        _subscribe(engine)
    _say(engine, count=60)
    fakes = [FakeSend(), FakeSend()]
    both = [_lanes(engine, fake, clock) for fake in fakes]

    def work(lanes: Lanes) -> None:
        while _waiting(engine):
            lanes.tick()
            assert lanes.wait_idle(20)

    threads = [threading.Thread(target=work, args=(lanes,)) for lanes in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [row.id for fake in fakes for row in fake.sent]
    assert len(ids) == len(set(ids)) == 240
    assert all(lanes.close(5) for lanes in both)


def test_an_endpoint_that_hangs_holds_up_no_other(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    send.hangs |= {_subscribe(engine) for _ in range(15)}
    quick = _subscribe(engine)
    _say(engine)
    lanes.tick()
    _say(engine, count=5)

    lanes.tick()

    until(lambda: len(send.bodies(quick)) == 5)
    assert not lanes.wait_idle(0)


def test_hundreds_of_endpoints_that_hang_hold_up_no_other(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    send.hangs |= {_subscribe(engine) for _ in range(300)}
    quick = _subscribe(engine)
    _say(engine)

    assert lanes.tick() == 301

    until(lambda: len(send.bodies(quick)) == 1)
    assert not lanes.wait_idle(0)


def test_endpoints_that_fail_take_no_more_than_their_share_of_lanes(
    engine: Engine,
    lanes: Lanes,
    send: FakeSend,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliver, "MAX_FAILING_LANES", 2)
    down = [_subscribe(engine) for _ in range(5)]
    quick = _subscribe(engine)
    send.answers = dict.fromkeys(down, REFUSED)
    _say(engine)
    _pass(lanes)
    send.hangs |= set(down)
    clock.advance(minutes(1))

    assert lanes.tick() == 2, "of the five that are due again"
    _say(engine, count=3)
    lanes.tick()

    until(lambda: len(send.bodies(quick)) == 3)
    assert len([row for row in send.sent if row.subscription.id in down]) == 5 + 2


def test_fifteen_slow_endpoints_are_waited_for_side_by_side(engine: Engine) -> None:
    secret = encrypt(new_secret(), KEY)
    with receiver() as slow, guarded_client(allow_hosts=["127.0.0.1"], timeout_s=9.0) as client:
        slow.delay_s = 5.0
        for _ in range(15):
            row = subscription()
            _subscribe(
                engine, SubscriptionRow(id=row.id, url=slow.url, secret=secret, description="")
            )
        _say(engine)
        lanes = _lanes(engine, SignedPost(client, key=KEY, timeout_s=9.0), lambda: NOON)

        lanes.tick()

        until(lambda: len(slow.received) == 15, within_s=4.0)
        assert lanes.close(20)


def test_one_slow_lane_gives_back_what_it_cannot_reach_in_time(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    slow = _subscribe(engine)
    send.takes = timedelta(seconds=TIMEOUT_S)
    _say(engine, count=30)

    _pass(lanes)

    assert 2 <= len(send.bodies(slow)) < 10
    for _ in range(15):
        _pass(lanes)
    positions = _positions(engine)
    assert [positions[row.id] for row in send.sent] == sorted(positions.values())


def test_a_burst_to_one_endpoint_goes_out_in_order_and_without_waiting_for_a_lease(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    quick = _subscribe(engine)
    _say(engine, count=300)

    def sent() -> int:
        lanes.tick()
        return len(send.bodies(quick))

    until(lambda: sent() == 300)
    assert lanes.wait_idle(10)
    positions = _positions(engine)
    assert [positions[row.id] for row in send.sent] == sorted(positions.values())


def test_a_refused_delivery_is_tried_by_the_schedule_and_then_dead(
    engine: Engine, lanes: Lanes, send: FakeSend, clock: Clock
) -> None:
    send.answers[_subscribe(engine)] = REFUSED
    _say(engine)

    _pass(lanes)
    assert _pass(lanes) == 0
    for delay in DELAYS[1:]:
        clock.advance(2 * delay)
        assert _pass(lanes) == 1

    with transaction(engine) as session:
        made = attempts(session, send.sent[0].id)
    assert [attempt.outcome for attempt in made] == ["failed"] * (len(DELAYS) - 1) + ["dead"]
    assert len({row.id for row in send.sent}) == 1
    assert _waiting(engine) == 0


def test_a_gone_endpoint_is_disabled_and_gets_nothing_more(
    engine: Engine, lanes: Lanes, send: FakeSend
) -> None:
    gone = _subscribe(engine)
    send.answers[gone] = GONE
    _say(engine, count=5)

    _pass(lanes)
    _say(engine, count=5, revision=2)
    _pass(lanes)

    assert len(send.sent) == 1
    assert _waiting(engine) == 0
    with transaction(engine) as session:
        reasons = [row.disabled_reason for row in list_subscriptions(session)]
    assert reasons == ["the endpoint answered 410 Gone"]


def test_a_later_event_waits_for_the_earlier_one_of_its_alert(
    engine: Engine, lanes: Lanes, send: FakeSend, clock: Clock
) -> None:
    down = _subscribe(engine)
    send.answers[down] = REFUSED
    _say(engine)
    _pass(lanes)
    _say(engine, revision=2)
    _pass(lanes)
    del send.answers[down]

    clock.advance(minutes(1))
    _pass(lanes)
    _pass(lanes)

    assert send.bodies(down) == ['{"revision": 1}', '{"revision": 1}', '{"revision": 2}']


def test_an_attempt_that_could_not_be_recorded_is_made_again_with_the_same_id(
    engine: Engine,
    lanes: Lanes,
    send: FakeSend,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _subscribe(engine)
    _say(engine)

    def away(*_: object, **__: object) -> None:
        raise DatabaseAway("gone for lunch")

    with monkeypatch.context() as patch:
        patch.setattr(settle, "record_attempt", away)
        _pass(lanes)
    assert _pass(lanes) == 0
    clock.advance(timedelta(minutes=10))
    _pass(lanes)

    assert len(send.sent) == 2
    assert send.sent[0].id == send.sent[1].id
    assert _waiting(engine) == 0


def test_after_an_outage_the_next_tick_delivers_however_many_lanes_it_hit(
    engine: Engine, lanes: Lanes, send: FakeSend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        _subscribe(engine)
    _say(engine)

    def away(*_: object, **__: object) -> None:
        raise DatabaseAway("gone for lunch")

    with monkeypatch.context() as patch:
        patch.setattr(settle, "record_attempt", away)
        _pass(lanes)
    send.sent.clear()
    _say(engine, since=NOON + minutes(60))

    with capture_logs() as logs:
        assert _pass(lanes) == 20
    assert len(send.sent) == 20
    assert [(log["event"], log["lanes"]) for log in logs] == [("attempts_not_recorded", 20)]


def test_a_bug_in_a_lane_is_raised_though_another_one_met_an_outage(
    engine: Engine, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        _subscribe(engine)
    _say(engine)
    errors: list[Exception] = [DatabaseAway("gone for lunch"), LookupError("a bug")]

    def fail(*_: object, **__: object) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(settle, "record_attempt", fail)
    _pass(lanes)

    with pytest.raises(LookupError):
        lanes.tick()


def test_closing_begins_no_further_attempt(engine: Engine, lanes: Lanes, send: FakeSend) -> None:
    send.hangs.add(_subscribe(engine))
    _say(engine, count=5)
    lanes.tick()

    assert not lanes.close(0.1)
    send.released.set()

    assert lanes.close(10)
    assert len(send.sent) == 1
