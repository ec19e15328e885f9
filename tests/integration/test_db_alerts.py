"""Alerts: saved once a revision, with evidence and a delivery to whom it concerns."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from db.alert_events import alert_events
from db.alert_rows import AlertRow
from db.alerts import find_alerts, list_alerts, open_alerts, save_alerts
from db.detect_states import detect_state, save_detect_state
from db.endpoints import disable
from db.engine import Engine, transaction
from db.locks import try_lock
from db.rows import ScopeKind, SeriesKey
from db.subscriptions import (
    create_subscription,
    delete_subscription,
    list_subscriptions,
)
from tests.integration.samples import (
    NOON,
    alert,
    event,
    mention,
    minutes,
    subscription,
)

pytestmark = pytest.mark.integration

BANKS = SeriesKey(ScopeKind.TOPIC, "Banks")


def save(engine: Engine, *rows: AlertRow) -> list[bool]:
    with transaction(engine) as session:
        return [bool(save_alerts(session, [(row, event(row))])) for row in rows]


def receivers(engine: Engine) -> set[UUID]:
    with engine.connect() as connection:
        return set(connection.execute(text("SELECT subscription_id FROM outbox")).scalars())


def test_an_alert_comes_back_as_it_was_saved(engine: Engine) -> None:
    row = alert(evidence=(mention("worst", score=-0.9), mention("bad", score=-0.5)))
    save(engine, row)

    with transaction(engine) as session:
        assert open_alerts(session) == [row]
        assert list_alerts(session) == [row]


def test_a_repeated_revision_changes_nothing(engine: Engine) -> None:
    row = alert(evidence=(mention("a"),))
    with transaction(engine) as session:
        create_subscription(session, subscription())

    assert save(engine, row) == [True]
    assert save(engine, row) == [False]

    with transaction(engine) as session:
        assert len(alert_events(session)) == 1
    assert len(receivers(engine)) == 1


def test_revisions_saved_together_are_said_in_their_order_and_the_last_one_stands(
    engine: Engine,
) -> None:
    first = alert(evidence=(mention("a"),))
    other = alert(fired_at=NOON + minutes(1), evidence=(mention("b"),))
    resolved = replace(first, revision=2, state="resolved", evidence=(mention("c"),))
    with transaction(engine) as session:
        create_subscription(session, subscription(severities=(first.severity,)))
    save(engine, first)

    with transaction(engine) as session:
        new = save_alerts(session, [(row, event(row)) for row in (first, other, resolved)])

    assert new == {(other.id, 1), (resolved.id, 2)}
    with transaction(engine) as session:
        told = [(event.alert_id, event.revision) for _, event in alert_events(session)]
        assert told == [(first.id, 1), (other.id, 1), (resolved.id, 2)]
        assert {row.id: row for row in list_alerts(session)} == {
            first.id: resolved,
            other.id: other,
        }
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox")).scalar() == 3


def test_a_later_revision_moves_the_alert_and_an_earlier_one_does_not_move_it_back(
    engine: Engine,
) -> None:
    fired = alert(evidence=(mention("a"),))
    resolved = alert(revision=2, state="resolved", evidence=(mention("b"),))

    assert save(engine, fired, resolved, fired) == [True, True, False]

    with transaction(engine) as session:
        assert open_alerts(session) == []
        assert list_alerts(session) == [resolved]


def test_alerts_are_listed_newest_first_and_filtered(engine: Engine) -> None:
    day = timedelta(days=1)
    old, mid, new = (alert(fired_at=NOON + n * day) for n in range(3))
    other = alert(key=BANKS, fired_at=NOON + 3 * day, state="resolved")
    save(engine, old, new, mid, other)

    with transaction(engine) as session:
        assert list_alerts(session) == [other, new, mid, old]
        assert list_alerts(session, limit=1) == [other]
        assert list_alerts(session, since=mid.fired_at, until=new.fired_at) == [mid]
        assert list_alerts(session, scope=SeriesKey(ScopeKind.TOPIC, "Banks")) == [other]
        assert list_alerts(session, state="firing") == [new, mid, old]
        assert list_alerts(session, scope=SeriesKey(ScopeKind.TOPIC, "none")) == []


def test_events_are_read_on_from_a_position(engine: Engine) -> None:
    first, second = alert(), alert(revision=2, severity="critical")
    save(engine, first, second)

    with transaction(engine) as session:
        (position, fired), (_, updated) = alert_events(session)
        assert fired == event(first)
        assert [row for _, row in alert_events(session, after=position)] == [updated]
        assert len(alert_events(session, limit=1)) == 1


def test_each_subscription_gets_the_alerts_that_it_names(engine: Engine) -> None:
    everything = subscription()
    by_entity = subscription(entities=("us:SIVB", "us:KO"))
    by_topic = subscription(topics=("Banks",))
    critical = subscription(severities=("critical",))
    both = subscription(entities=("us:SIVB",), topics=("Banks",))
    off = subscription()
    with transaction(engine) as session:
        for row in (everything, by_entity, by_topic, critical, both, off):
            create_subscription(session, row)
        disable(session, off.id, "gone")

    save(engine, alert())
    assert receivers(engine) == {everything.id, by_entity.id, both.id}

    save(engine, alert(key=BANKS, severity="critical"))
    assert receivers(engine) == {everything.id, by_entity.id, both.id, by_topic.id, critical.id}


def test_who_was_told_of_an_alert_is_told_of_its_end_at_any_severity(engine: Engine) -> None:
    with transaction(engine) as session:
        create_subscription(session, subscription(severities=("warning",)))

    save(engine, alert(severity="warning"), alert(revision=2, severity="critical"))

    with engine.connect() as connection:
        revisions = connection.execute(text("SELECT revision FROM outbox ORDER BY revision"))
        assert list(revisions.scalars()) == [1, 2]


def test_what_another_alert_tells_is_sent_to_nobody(engine: Engine) -> None:
    with transaction(engine) as session:
        create_subscription(session, subscription())
    leader = alert()
    member = replace(
        alert(key=BANKS),
        suppressed_by=leader.id,
        rule="topics",
        reasons={"threshold": 1.5},
        flapping=True,
    )
    related = ({"kind": "topic", "id": BANKS.id, "name": "banks"},)

    save(engine, leader, member, replace(leader, revision=2, related=related))

    with transaction(engine) as session:
        assert {row.id: row for row in list_alerts(session)}[member.id] == member
        assert find_alerts(session, [leader.id])[0].related == related
    with engine.connect() as connection:
        sent = connection.execute(text("SELECT alert_id, revision FROM outbox ORDER BY 2")).all()
    assert [tuple(row) for row in sent] == [(leader.id, 1), (leader.id, 2)]


def test_subscriptions_are_listed_disabled_and_deleted(engine: Engine) -> None:
    row = subscription(entities=("us:SIVB",), severities=("critical",))
    with transaction(engine) as session:
        create_subscription(session, row)
        assert list_subscriptions(session) == [row]
        disable(session, row.id, "410 Gone")
        disable(session, row.id, "again")
        assert [found.disabled_reason for found in list_subscriptions(session)] == ["410 Gone"]
        assert delete_subscription(session, row.id)
        assert not delete_subscription(session, row.id)
        assert list_subscriptions(session) == []


def test_what_a_detector_remembers_is_replaced(engine: Engine) -> None:
    with transaction(engine) as session:
        assert detect_state(session, "spike") is None
        save_detect_state(session, "spike", NOON, {"entity:a": {"open": None}})
        save_detect_state(session, "spike", NOON + minutes(5), {"公司": [1.5]}, 2**40)
        save_detect_state(session, "other", NOON, {})

    with transaction(engine) as session:
        saved = detect_state(session, "spike")
    later = NOON + minutes(5)
    assert saved == {"evaluated_until": later, "state": {"公司": [1.5]}, "seen": 2**40}


def test_a_lock_is_held_until_its_transaction_ends(engine: Engine) -> None:
    with transaction(engine) as one:
        assert try_lock(one, "detect")
        with transaction(engine) as two:
            assert not try_lock(two, "detect")
            assert try_lock(two, "another")
    with transaction(engine) as session:
        assert try_lock(session, "detect")
