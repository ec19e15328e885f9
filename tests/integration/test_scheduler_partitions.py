"""Months that are too old go with their partition, and those to come get one, every hour."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from db import partitions
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from pipeline.settings import RetentionSettings
from tests.integration.samples import NOON, alert, event, item, mention
from tests.integration.test_scheduler_retention import run

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
APRIL, MAY = datetime(2023, 4, 1, tzinfo=UTC), datetime(2023, 5, 1, tzinfo=UTC)
NINETY_DAYS = RetentionSettings(trends_days=90)


def fill(engine: Engine) -> None:
    """Store an item of each of three months, of which the first is evidence."""
    for month in (NOON, APRIL, MAY):
        run(engine, RetentionSettings(), now=month)
    ended = alert(state="resolved", evidence=(mention("march"),))
    with transaction(engine) as session:
        store_items(session, [item("march"), item("april", at=APRIL), item("may", at=MAY)], [])
        save_alerts(session, [(ended, event(ended))])


def tables(engine: Engine) -> set[str]:
    """Return the partitions of 2023."""
    query = "SELECT relname FROM pg_class WHERE relname ~ '^trend_5m_2023_[0-9]{2}$'"
    with engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def oldest(engine: Engine) -> datetime:
    with engine.connect() as connection:
        query = text("SELECT min(bucket) FROM trend_5m")
        at: datetime = connection.execute(query).scalar_one()
    return at


def test_a_month_goes_with_its_partition_when_all_of_it_is_too_old(engine: Engine) -> None:
    fill(engine)
    assert tables(engine) == {f"trend_5m_2023_0{month}" for month in (3, 4, 5, 6)}

    run(engine, NINETY_DAYS, now=APRIL + 90 * DAY - timedelta(seconds=1))
    assert oldest(engine) < APRIL
    run(engine, NINETY_DAYS, now=APRIL + 90 * DAY)

    assert "trend_5m_2023_03" not in tables(engine)
    assert oldest(engine) == APRIL


def test_no_row_is_deleted_where_a_partition_is_dropped(engine: Engine) -> None:
    fill(engine)
    deletions = "SELECT count(*) FROM deletions"
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE deletions (bucket timestamptz)"))
        connection.execute(
            text("""
            CREATE FUNCTION note_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO deletions VALUES (OLD.bucket);
                RETURN OLD;
            END $$""")
        )
        connection.execute(
            text("""
            CREATE TRIGGER note_deletion BEFORE DELETE ON trend_5m
            FOR EACH ROW EXECUTE FUNCTION note_deletion()""")
        )

    run(engine, NINETY_DAYS, now=MAY + 90 * DAY)

    assert oldest(engine) == MAY
    with engine.connect() as connection:
        assert connection.execute(text(deletions)).scalar_one() == 0


def test_what_comes_for_a_month_that_was_dropped_is_stored_and_deleted_by_the_row(
    engine: Engine,
) -> None:
    fill(engine)
    now = MAY + 90 * DAY
    run(engine, NINETY_DAYS, now=now)
    with transaction(engine) as session:
        store_items(session, [item("late", at=NOON)], [])
    assert oldest(engine) < APRIL

    run(engine, NINETY_DAYS, now=now)

    assert oldest(engine) == MAY
    assert "trend_5m_2023_03" not in tables(engine)


def test_items_that_are_evidence_stay_when_their_month_of_buckets_is_dropped(
    engine: Engine,
) -> None:
    fill(engine)
    far = datetime.now(UTC) + 400 * DAY

    run(engine, RetentionSettings(items_days=90, trends_days=90), now=far)

    with engine.connect() as connection:
        left = connection.execute(text("SELECT id FROM items")).scalars().all()
    assert left == ["march"]
    assert tables(engine) == set()


def test_a_table_in_use_is_left_for_the_next_hour_and_the_rest_is_removed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT", "50ms")
    fill(engine)
    far = datetime.now(UTC) + 400 * DAY
    everything = RetentionSettings(items_days=90, trends_days=90, keep_evidence=False)
    with engine.connect() as reader, capture_logs() as logs:
        reader.execute(text("SELECT count(*) FROM trend_5m"))

        run(engine, everything, now=far)

    assert "partitions_refused" in {log["event"] for log in logs}
    assert tables(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM items")).scalar_one() == 0
    run(engine, everything, now=far)
    assert tables(engine) == set()
