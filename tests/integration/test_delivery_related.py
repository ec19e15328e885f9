"""One story about two companies: who watches either hears of it, and a silence hides but one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.alert_rows import AlertRow, SilenceRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.judgements import create_silence
from db.rows import ScopeKind, SeriesKey
from db.subscriptions import create_subscription
from db.watchlists import replace_sectors, save_watchlist
from tests.integration.samples import SVB_SERIES, alert, event, subscription

pytestmark = pytest.mark.integration

OTHER = SeriesKey(ScopeKind.ENTITY, "us:FRC")
RELATED = ({"kind": "entity", "id": OTHER.id, "name": "First Republic"},)
FIRED, MEMBER = alert(), replace(alert(key=OTHER), suppressed_by=alert().id)
SPEAKS = replace(alert(revision=2), related=RELATED)
ENDED = replace(alert(revision=3, state="resolved"), related=RELATED)


def subscribe(engine: Engine, **filters: tuple[str, ...]) -> UUID:
    row = replace(subscription(), **filters)  # type: ignore[arg-type]  # filters alone
    with transaction(engine) as session:
        create_subscription(session, row)
    return row.id


def save(engine: Engine, *rows: AlertRow) -> None:
    with transaction(engine) as session:
        save_alerts(session, [(row, event(row)) for row in rows])


def silence(engine: Engine, scope: SeriesKey) -> None:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    with transaction(engine) as session:
        create_silence(session, SilenceRow(uuid4(), "ann", "known", ends_at, scope=scope))


def sent(engine: Engine, subscription_id: UUID) -> Sequence[tuple[str, int]]:
    """Return company and revision of what one subscription is sent, in order."""
    query = text("""
        SELECT a.scope_id, o.revision FROM outbox AS o JOIN alerts AS a ON a.id = o.alert_id
        WHERE o.subscription_id = :id ORDER BY o.position""")
    with engine.connect() as connection:
        rows = connection.execute(query, {"id": subscription_id})
        return [(row.scope_id, row.revision) for row in rows]


def test_who_watches_a_company_hears_of_it_from_the_alert_that_speaks_for_it(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        save_watchlist(session, "regional", [OTHER.id])
        replace_sectors(session, {OTHER.id: "Financials"})
    spoken_for = [
        subscribe(engine, entities=(OTHER.id,)),
        subscribe(engine, watchlists=("regional",)),
        subscribe(engine, sectors=("Financials",)),
    ]
    leader = subscribe(engine, entities=(SVB_SERIES.id,))
    neither = subscribe(engine, entities=("us:KO",))

    save(engine, FIRED, SPEAKS, MEMBER, ENDED)

    for each in spoken_for:
        assert sent(engine, each) == [(SVB_SERIES.id, 2), (SVB_SERIES.id, 3)]
    assert sent(engine, leader) == [(SVB_SERIES.id, n) for n in (1, 2, 3)]
    assert sent(engine, neither) == []


def test_a_silence_on_the_company_that_speaks_hides_no_other(engine: Engine) -> None:
    other, leader = (subscribe(engine, entities=(key.id,)) for key in (OTHER, SVB_SERIES))
    everything = subscribe(engine)
    silence(engine, SVB_SERIES)

    save(engine, FIRED, SPEAKS, MEMBER)

    assert sent(engine, leader) == []
    assert sent(engine, other) == sent(engine, everything) == [(SVB_SERIES.id, 2)]


def test_a_silence_on_the_company_that_is_spoken_for_hides_it_alone(engine: Engine) -> None:
    other, leader = (subscribe(engine, entities=(key.id,)) for key in (OTHER, SVB_SERIES))
    silence(engine, OTHER)

    save(engine, FIRED, SPEAKS, MEMBER)

    assert sent(engine, other) == []
    assert sent(engine, leader) == [(SVB_SERIES.id, 1), (SVB_SERIES.id, 2)]


def test_where_both_are_silenced_nobody_is_told_but_of_the_end(engine: Engine) -> None:
    everything = subscribe(engine)
    save(engine, FIRED)
    silence(engine, SVB_SERIES)
    silence(engine, OTHER)

    save(engine, SPEAKS, MEMBER, ENDED)

    assert sent(engine, everything) == [(SVB_SERIES.id, 1), (SVB_SERIES.id, 3)]


def test_who_was_spoken_for_is_told_itself_once_that_alert_has_ended(engine: Engine) -> None:
    other, leader = (subscribe(engine, entities=(key.id,)) for key in (OTHER, SVB_SERIES))

    save(engine, FIRED, SPEAKS, MEMBER, ENDED)
    save(engine, alert(key=OTHER, revision=2), alert(key=OTHER, revision=3, state="resolved"))

    assert sent(engine, other) == [
        (SVB_SERIES.id, 2),
        (SVB_SERIES.id, 3),
        (OTHER.id, 2),
        (OTHER.id, 3),
    ]
    assert [scope for scope, _ in sent(engine, leader)] == [SVB_SERIES.id] * 3
