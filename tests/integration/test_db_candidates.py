"""Which series are looked at: those with enough news, and those that something was stored to."""

from datetime import datetime, timedelta

import pytest

from db.candidates import candidates, snapshot
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import EntityRow, ScopeKind, SeriesKey
from tests.integration.samples import NEUTRAL, NOON, SVB, SVB_SERIES, item, minutes, store

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


def test_candidates_are_the_series_with_enough_negative_accounts_in_the_span(
    engine: Engine,
) -> None:
    other = EntityRow("us:KO", "Coca-Cola")
    store(
        engine,
        *(item(f"svb{n}", at=NOON + n * minutes(10), topics=("Banks",)) for n in range(3)),
        *(item(f"ko{n}", entities=(other,), tone=NEUTRAL) for n in range(5)),
        *(item(f"old{n}", entities=(other,), at=NOON - 2 * HOUR) for n in range(3)),
    )

    def found(*kinds: ScopeKind, at_least: int) -> list[SeriesKey]:
        with transaction(engine) as session:
            keys = candidates(
                session,
                kinds=kinds,
                window=HOUR,
                since=NOON,
                until=NOON + HOUR,
                min_negative=at_least,
            )
        return list(keys)

    assert found(ScopeKind.ENTITY, at_least=3) == [SVB_SERIES]
    assert found(ScopeKind.ENTITY, at_least=4) == []
    assert found(ScopeKind.TOPIC, ScopeKind.ENTITY, at_least=3) == [
        SVB_SERIES,
        SeriesKey(ScopeKind.TOPIC, "Banks"),
    ]
    assert found(at_least=1) == []


def test_candidates_may_leave_out_the_series_to_which_nothing_was_stored(engine: Engine) -> None:
    other = EntityRow("us:KO", "Coca-Cola")
    store(engine, item("a"), item("b", entities=(other,)))
    with transaction(engine) as session:
        seen = snapshot(session)

    def found(since: datetime, seen: int | None) -> dict[str, datetime | None]:
        with transaction(engine) as session:
            keys = candidates(
                session,
                kinds=[ScopeKind.ENTITY],
                window=2 * HOUR,
                since=since,
                until=NOON + HOUR,
                min_negative=1,
                seen=seen,
                late_since=since - 3 * HOUR,
            )
        return {key.id: changed for key, changed in keys.items()}

    nothing_late = {other.id: None, SVB.id: None}
    assert found(NOON, None) == found(NOON, seen) == nothing_late
    assert found(NOON + HOUR, None) == found(NOON + HOUR, seen) == {}
    store(engine, item("late", at=NOON - minutes(49)), item("later", at=NOON - minutes(28)))
    assert found(NOON + HOUR, seen) == {SVB.id: NOON - minutes(50)}
    assert found(NOON + HOUR, seen + 1_000_000) == {}, "another cluster's number"
    store(engine, item("too late", at=NOON - 3 * HOUR))
    assert found(NOON + HOUR, seen) == {SVB.id: NOON - minutes(50)}


def test_what_is_stored_while_a_snapshot_is_taken_is_found_after_it(engine: Engine) -> None:
    with transaction(engine) as slow:
        store_items(slow, [item("slow")], [])
        with transaction(engine) as session:
            seen = snapshot(session)

    with transaction(engine) as session:
        found = candidates(
            session,
            kinds=[ScopeKind.ENTITY],
            window=2 * HOUR,
            since=NOON + HOUR,
            until=NOON + HOUR,
            min_negative=1,
            seen=seen,
            late_since=NOON - HOUR,
        )
    assert found == {SVB_SERIES: NOON}
