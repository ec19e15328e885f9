"""The views, and who may read them."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors, sql

import db.access_tables
import db.delivery_tables  # noqa: F401  # these add their tables to the metadata
from db.alert_rows import AcknowledgementRow
from db.alerts import save_alerts
from db.copies import exact_copies
from db.engine import Engine, transaction
from db.items import store_items
from db.judgements import acknowledge
from db.rows import EntityRow, Places
from db.tables import metadata
from tests.integration.samples import NOON, SVB, alert, event, item, mention, minutes, towards

pytestmark = pytest.mark.integration

VIEWS = (
    *("v_trend_5m", "v_trend_1h", "v_trend_1d", "v_items"),
    *("v_alerts", "v_alert_evidence", "v_alert_events", "v_deliveries", "v_sources"),
)


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection that has become ``tapewatch_reader``."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET ROLE tapewatch_reader")
        yield connection


def test_the_reader_sees_trends_with_names_shares_and_sources(
    engine: Engine, reader: psycopg.Connection
) -> None:
    with transaction(engine) as session:
        rows = [
            item("a", source="wire"),
            item("b", source="wire", at=NOON + minutes(30), tone=(0.1, 0.3, 0.6)),
            item("c", source="blog", at=NOON + minutes(31), language="zh"),
            item("d", source="portal", at=NOON + minutes(32), text_hash="text of a"),
            item("e", source="blog", at=NOON + timedelta(hours=3)),
        ]
        told = {"a": 7, "b": 7, "c": 8, "e": 7}
        store_items(session, rows, [], place=lambda *new: Places(exact_copies(*new).copies, told))

    query = (
        "SELECT name, start, items, accounts, negative, positive, sources, negative_share, stories "
        "FROM {} WHERE scope_id = %s ORDER BY start"
    )
    found = {
        view: reader.execute(sql.SQL(query).format(sql.Identifier(view)), [SVB.id]).fetchall()
        for view in ("v_trend_5m", "v_trend_1h", "v_trend_1d")
    }

    midnight, third = NOON - timedelta(hours=12), NOON + timedelta(hours=3)
    assert len(found["v_trend_5m"]) == 3
    assert found["v_trend_1h"] == [
        (SVB.name, NOON, 4, 3, 2, 1, 2, pytest.approx(2 / 3), 2),
        (SVB.name, third, 1, 1, 1, 0, 1, 1.0, 1),
    ]
    assert found["v_trend_1d"] == [(SVB.name, midnight, 5, 4, 3, 1, 2, 0.75, 2)]
    items = reader.execute("SELECT id FROM v_items WHERE story = 7 ORDER BY id").fetchall()
    assert items == [("a",), ("b",), ("e",)]
    market = reader.execute("SELECT DISTINCT name FROM v_trend_1h WHERE scope_kind = 'market'")
    assert market.fetchall() == [("all",)]


def test_the_reader_sees_alerts_their_evidence_and_items(
    engine: Engine, reader: psycopg.Connection
) -> None:
    fired = alert(evidence=(mention("a", score=-0.9), mention("b")))
    with transaction(engine) as session:
        store_items(session, [item("a", topics=("Banks",))], [])
        save_alerts(session, [(fired, event(fired))])
        acknowledge(session, AcknowledgementRow(fired.id, "duplicate", "ann"))

    alerts = reader.execute("SELECT id, state, observed, languages FROM v_alerts").fetchall()
    judged = reader.execute("SELECT rule, suppressed_by, verdict FROM v_alerts").fetchall()
    evidence = reader.execute("SELECT alert_id, event, rank, score FROM v_alert_evidence")
    items = reader.execute("SELECT id, sentiment, topics, entities FROM v_items").fetchall()

    assert alerts == [(fired.id, "firing", 5.0, ["en"])]
    assert judged == [("", None, "duplicate")]
    assert evidence.fetchall() == [
        (fired.id, "alert.fired", 1, -0.9),
        (fired.id, "alert.fired", 2, -0.6),
    ]
    assert items == [("a", "negative", ["Banks"], [SVB.name])]


def test_the_reader_sees_how_each_company_of_an_item_comes_off(
    engine: Engine, reader: psycopg.Connection
) -> None:
    acme = EntityRow("x:acme", "Acme")
    rows = [
        item("a", entities=(SVB, towards(acme, (0.1, 0.3, 0.6))), relevance=0.75),
        item("b", entities=(), relevance=0.25),
    ]
    with transaction(engine) as session:
        store_items(session, rows, [])

    query = (
        "SELECT entities, entity_sentiments, entity_scores, relevance, is_relevant "
        "FROM v_items ORDER BY id"
    )
    assert reader.execute(query).fetchall() == [
        (
            ["Acme", SVB.name],
            ["positive", "negative"],
            [pytest.approx(0.5), pytest.approx(-0.6)],
            0.75,
            True,
        ),
        ([], [], [], 0.25, False),
    ]


def test_the_reader_may_read_no_table_and_write_nowhere(reader: psycopg.Connection) -> None:
    names = reader.execute(
        "SELECT relname, relispartition FROM pg_class "
        "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    tables = {name for name, is_partition in names if not is_partition}
    assert len(tables) == len(metadata.tables) + 1, "and alembic's own"

    for name, _ in names:
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(name)))
    # Sums cannot be written to by anybody, which PostgreSQL says first.
    refusals = (errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)
    for view in VIEWS:
        with pytest.raises(refusals):
            reader.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(view)))
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute("UPDATE v_alerts SET state = 'resolved'")
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute("CREATE TABLE mine (id int)")


def test_every_view_is_described(reader: psycopg.Connection) -> None:
    rows = reader.execute(
        "SELECT relname, obj_description(oid) FROM pg_class "
        "WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
    ).fetchall()

    assert {name for name, _ in rows} == set(VIEWS)
    assert all(description for _, description in rows)
