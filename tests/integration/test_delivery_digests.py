"""Digests never tell less than what was told already, and nothing comes between making one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from db.alerts import save_alerts
from db.digests import released
from db.endpoints import resume
from db.engine import DatabaseAway, Engine, Session, transaction
from db.subscriptions import create_subscription, delete_subscription, pause_subscription
from pipeline.stages.digest import make_digests
from tests.integration.endpoints import receiver
from tests.integration.samples import NOON, alert, event, minutes, subscription
from tests.integration.watching import Watch, types, verified

pytestmark = pytest.mark.integration

PAST_THE_NIGHT = timedelta(minutes=61)


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


def night() -> dict[str, time]:
    """Return quiet hours that began an hour ago and end in one, by the real clock."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    hour = timedelta(hours=1)
    return {"quiet_start": (now - hour).time(), "quiet_end": (now + hour).time()}


def digested(event: dict[str, object]) -> list[tuple[str, str]]:
    """Return the alerts in a digest, each with its event."""
    data = event["data"]
    assert isinstance(data, dict)
    return [(each["id"], each["event"]) for each in data["alerts"]]


def test_what_was_told_by_itself_since_is_in_no_digest(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, critical_passes=True, **night())
        other = alert(fired_at=NOON + minutes(5))
        watch.tell(alert(), other)
        watch.tell(alert(revision=2, severity="critical"))
        watch.tell(alert(revision=3, severity="critical", state="resolved"))
        watch.deliver()
        watch.lost = PAST_THE_NIGHT
        watch.deliver()

        assert types(heard) == ["alert.updated", "alert.resolved", "alert.digest"]
        assert digested(verified(heard)[-1]) == [(str(other.id), "alert.fired")]


def test_what_is_stored_at_once_is_told_in_its_order_as_well(engine: Engine, watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, critical_passes=True, **night())
        rows = [alert(), alert(revision=2, severity="critical")]
        with transaction(engine) as session:
            save_alerts(session, [(row, event(row)) for row in rows])
        watch.lost = PAST_THE_NIGHT
        watch.deliver()

        assert len(heard.received) == 1


def test_the_end_of_an_alert_waits_for_the_digest_that_tells_of_it(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, critical_passes=True, **night())
        other = alert(fired_at=NOON + minutes(5), severity="critical")
        watch.tell(alert())
        heard.status = 500
        watch.lost = PAST_THE_NIGHT
        watch.deliver()
        watch.tell(alert(revision=2, severity="critical", state="resolved"), other)
        heard.status = 204
        watch.deliver()
        assert types(heard) == ["alert.digest", "alert.fired"], "the other one does not wait"
        watch.lost += timedelta(minutes=1)
        watch.deliver()

        assert types(heard)[2:] == ["alert.digest", "alert.resolved"]


def test_what_follows_an_event_that_is_still_on_its_way_is_told_after_it(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, critical_passes=True, **night())
        heard.status = 500
        watch.tell(alert(severity="critical"))
        watch.deliver()
        watch.tell(alert(revision=2, state="resolved"))
        watch.lost = timedelta(minutes=60)
        watch.deliver()
        heard.received.clear()
        heard.status = 204
        watch.lost += timedelta(minutes=10)
        watch.deliver()

        assert types(heard) == ["alert.fired", "alert.resolved"]


def test_a_subscription_that_was_paused_is_told_what_became_of_its_alerts(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as heard:
        held = watch.subscribe(heard.url, **night())
        watch.tell(alert())
        with transaction(engine) as session:
            pause_subscription(session, held)
        watch.tell(alert(revision=2, state="resolved"), alert(fired_at=NOON + minutes(5)))
        with transaction(engine) as session:
            resume(session, held)
        watch.lost = PAST_THE_NIGHT
        watch.deliver()

        assert [digested(each) for each in verified(heard)] == [
            [(str(alert().id), "alert.resolved")]
        ]


@pytest.fixture
def held(engine: Engine) -> UUID:
    """Return a subscription that has an event held back whose time has come."""
    hours = night()
    row = replace(
        subscription(),
        critical_passes=True,
        quiet_start=hours["quiet_start"],
        quiet_end=hours["quiet_end"],
    )
    with transaction(engine) as session:
        create_subscription(session, row)
        save_alerts(session, [(alert(), event(alert()))])
    return row.id


def soon() -> datetime:
    return datetime.now(UTC) + PAST_THE_NIGHT


def impatient(session: Session) -> Session:
    """Return the session after it was told to wait for no lock."""
    session.execute(text("SET LOCAL lock_timeout = '50ms'"))
    return session


def test_who_is_about_to_get_a_digest_is_not_deleted_before(engine: Engine, held: UUID) -> None:
    with transaction(engine) as making:
        assert len(released(making, now=soon(), limit=9)) == 1
        with pytest.raises(DatabaseAway), transaction(engine) as session:
            delete_subscription(impatient(session), held)

    with transaction(engine) as session:
        assert delete_subscription(session, held)
        assert make_digests(session, now=soon()) == 0


@pytest.mark.usefixtures("held")
def test_what_is_told_by_itself_waits_for_a_digest_that_is_being_made(engine: Engine) -> None:
    critical = alert(revision=2, severity="critical")
    with transaction(engine) as making:
        released(making, now=soon(), limit=9)
        with pytest.raises(DatabaseAway), transaction(engine) as session:
            save_alerts(impatient(session), [(critical, event(critical))])

    with transaction(engine) as session:
        save_alerts(session, [(critical, event(critical))])
        assert released(session, now=soon(), limit=9) == []
