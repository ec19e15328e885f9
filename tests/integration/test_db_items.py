"""Storing items: once each, copies apart from accounts, buckets that add up."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from db.engine import Engine, transaction
from db.items import store_items
from db.rows import MARKET, EntityRow, ItemRow, Progress, ScopeKind, SeriesKey, StoreResult
from db.trends import mentions, partition_progress, trend
from tests.integration.samples import (
    NEGATIVE,
    NOON,
    POSITIVE,
    SVB,
    SVB_SERIES,
    copies,
    item,
    minutes,
    recounted_buckets,
    store,
    stored_buckets,
    towards,
)

pytestmark = pytest.mark.integration

LATER = NOON + minutes(5)
BANKS = SeriesKey(ScopeKind.TOPIC, "Banks")


def test_a_redelivered_batch_changes_nothing(engine: Engine) -> None:
    batch = [item("a", topics=("M&A",)), item("b"), item("c", text_hash="text of b")]
    store(engine, *batch)
    with engine.connect() as connection:
        before = stored_buckets(connection)

    again = store(engine, *batch)

    assert again == StoreResult(new=frozenset(), accounts=frozenset())
    with engine.connect() as connection:
        assert stored_buckets(connection) == before
    assert copies(engine) == {"a": None, "b": None, "c": "b"}


def test_only_the_new_items_of_a_partly_known_batch_count(engine: Engine) -> None:
    store(engine, item("a"), item("b"))

    result = store(engine, item("b"), item("c"))

    assert result.new == {"c"}
    with transaction(engine) as session:
        [bucket] = trend(session, MARKET, since=NOON, until=NOON + minutes(5), step=minutes(5))
    assert bucket.items == 3


def test_of_two_items_with_one_id_in_a_batch_the_first_counts(engine: Engine) -> None:
    store(engine, item("a", source="first"), item("a", source="second"))

    with transaction(engine) as session:
        [mention] = mentions(session, [SVB_SERIES], since=NOON - minutes(1), until=NOON)[SVB_SERIES]
    assert mention.source == "first"


def test_the_same_id_in_another_month_is_the_same_item(engine: Engine) -> None:
    store(engine, item("a"))
    again = store(engine, item("a", at=NOON + timedelta(days=31)))

    assert again.new == frozenset()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM items")).scalar_one() == 1
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_an_empty_batch_only_moves_the_progress(engine: Engine) -> None:
    with transaction(engine) as session:
        result = store_items(session, [], [Progress("raw", 0, 7, None)])

    assert result.new == frozenset()
    with transaction(engine) as session:
        assert partition_progress(session, "raw") == {0: Progress("raw", 0, 7, None)}


def test_of_equal_texts_in_a_batch_the_earliest_published_is_the_account(engine: Engine) -> None:
    result = store(
        engine,
        item("late", at=NOON + minutes(2), text_hash="same"),
        item("early", at=NOON, text_hash="same"),
    )

    assert result.accounts == {"early"}
    assert copies(engine) == {"late": "early", "early": None}


def test_a_text_is_a_copy_for_72_hours_and_then_an_account_again(engine: Engine) -> None:
    hours = timedelta(hours=1)
    store(engine, item("first", text_hash="same"))
    store(engine, item("within", at=NOON + 71.9 * hours, text_hash="same"))
    store(engine, item("after", at=NOON + 72 * hours, text_hash="same"))
    store(engine, item("next", at=NOON + 100 * hours, text_hash="same"))

    assert copies(engine) == {"first": None, "within": "first", "after": None, "next": "after"}


def test_one_batch_may_span_more_than_72_hours(engine: Engine) -> None:
    days = timedelta(days=1)
    store(engine, *(item(f"day{n}", at=NOON + n * days, text_hash="same") for n in range(7)))

    assert [key for key, of in sorted(copies(engine).items()) if of is None] == [
        "day0",
        "day3",
        "day6",
    ]


def test_a_text_that_arrives_out_of_order_is_a_copy_and_from_a_backfill_an_account(
    engine: Engine,
) -> None:
    store(engine, item("first", text_hash="same"))
    store(engine, item("out of order", at=NOON - minutes(10), text_hash="same"))
    store(engine, item("backfill", at=NOON - timedelta(days=30), text_hash="same"))

    assert copies(engine) == {"first": None, "out of order": "first", "backfill": None}


def test_a_copy_counts_as_an_item_but_not_as_an_account(engine: Engine) -> None:
    store(
        engine,
        item("a", text_hash="same", source="wire"),
        item("b", text_hash="same", source="portal", at=NOON + minutes(1)),
        item("c", tone=POSITIVE, source="wire", at=NOON + minutes(2)),
    )

    with transaction(engine) as session:
        [bucket] = trend(session, SVB_SERIES, since=NOON, until=NOON + minutes(5), step=minutes(5))
    assert (bucket.items, bucket.accounts, bucket.sources) == (3, 2, 1)
    assert (bucket.negative, bucket.neutral, bucket.positive) == (1, 0, 1)
    assert bucket.mean_score == pytest.approx((-0.6 + 0.5) / 2)


def test_an_item_that_names_a_company_twice_counts_once_for_it(engine: Engine) -> None:
    store(engine, item("a", entities=(SVB, SVB), topics=("M&A", "M&A")))

    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_a_company_is_counted_with_the_tone_towards_it(engine: Engine) -> None:
    store(engine, item("a", tone=NEGATIVE, entities=(towards(SVB, POSITIVE),)), item("b"))

    with transaction(engine) as session:
        [of_company] = trend(session, SVB_SERIES, since=NOON, until=LATER, step=minutes(5))
        [of_market] = trend(session, MARKET, since=NOON, until=LATER, step=minutes(5))
        found = mentions(session, [SVB_SERIES], since=NOON - minutes(1), until=NOON)[SVB_SERIES]
        [whole, _] = mentions(session, [MARKET], since=NOON - minutes(1), until=NOON)[MARKET]
    assert (of_company.negative, of_company.positive) == (1, 1)
    assert (of_market.negative, of_market.positive) == (2, 0)
    assert [row.sentiment for row in found] == ["positive", "negative"]
    assert [row.score for row in found] == pytest.approx([0.5, -0.6])
    assert whole.sentiment == "negative"


def test_an_irrelevant_item_is_stored_but_counts_for_the_company_alone(engine: Engine) -> None:
    store(engine, item("a", relevance=0.3, topics=("Banks",)), item("b", relevance=0.8))

    with transaction(engine) as session:
        [of_market] = trend(session, MARKET, since=NOON, until=LATER, step=minutes(5))
        [of_company] = trend(session, SVB_SERIES, since=NOON, until=LATER, step=minutes(5))
        topic = mentions(session, [BANKS], since=NOON - minutes(1), until=NOON)[BANKS]
        market = mentions(session, [MARKET], since=NOON - minutes(1), until=NOON)[MARKET]
    assert set(copies(engine)) == {"a", "b"}
    assert (of_market.items, of_company.items) == (1, 2)
    assert topic == []
    assert [row.item_id for row in market] == ["b"]
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_a_company_for_which_an_item_does_not_count_stays_with_the_item(engine: Engine) -> None:
    store(engine, item("a", entities=(towards(SVB, NEGATIVE, counts=False),)))

    with transaction(engine) as session:
        assert trend(session, SVB_SERIES, since=NOON, until=LATER, step=minutes(5)) == []
        assert (
            mentions(session, [SVB_SERIES], since=NOON - minutes(1), until=NOON)[SVB_SERIES] == []
        )
    with engine.connect() as connection:
        names = connection.execute(text("SELECT entities FROM v_items")).scalars().all()
    assert names == [[SVB.name]]


def test_an_unlisted_company_is_called_as_it_was_first(engine: Engine) -> None:
    first, again = (
        EntityRow("name:vornholt", name, "unlisted") for name in ("Vornholt", "VornHolt")
    )
    store(engine, item("a", entities=(first,)))
    store(engine, item("b", entities=(again,)))

    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM entities")).scalars().all() == ["Vornholt"]


def test_a_renamed_company_gets_its_new_name(engine: Engine) -> None:
    store(engine, item("a"))
    store(engine, item("b", entities=(EntityRow(SVB.id, "New name"),)))

    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM entities")).scalars().all() == ["New name"]


def test_progress_never_moves_back(engine: Engine) -> None:
    steps = [
        [Progress("raw", 0, 10, NOON), Progress("raw", 1, 3, None)],
        [Progress("raw", 0, 12, None), Progress("raw", 0, 11, NOON + minutes(1))],
        [Progress("raw", 0, 5, NOON - minutes(5)), Progress("raw", 1, 4, NOON)],
    ]
    for step in steps:
        with transaction(engine) as session:
            store_items(session, [], step)

    with transaction(engine) as session:
        assert partition_progress(session, "raw") == {
            0: Progress("raw", 0, 12, NOON + minutes(1)),
            1: Progress("raw", 1, 4, NOON),
        }
        assert partition_progress(session, "other") == {}


def test_nothing_of_a_failed_transaction_stays(engine: Engine) -> None:
    class CrashError(Exception):
        pass

    def crash() -> None:
        with transaction(engine) as session:
            store_items(session, [item("a")], [Progress("raw", 0, 1, NOON)])
            raise CrashError

    with pytest.raises(CrashError):
        crash()

    assert copies(engine) == {}
    with engine.connect() as connection:
        assert stored_buckets(connection) == {}


def invented(number: int) -> EntityRow:
    return EntityRow(f"name:invented-{number:05}", f"Invented {number}", "unlisted")


def test_a_flood_of_invented_companies_is_bounded_and_every_item_is_stored(engine: Engine) -> None:
    batches = [
        [item(f"i{n:05}", entities=(SVB, invented(n))) for n in range(start, start + 100)]
        for start in range(0, 1000, 100)
    ]

    left_out = 0
    for batch in batches:
        with transaction(engine) as session:
            left_out += store_items(session, batch, [], new_unlisted_per_hour=250).left_out

    assert left_out == 750
    with engine.connect() as connection:
        counted = text("SELECT count(*), count(*) FILTER (WHERE kind = 'unlisted') FROM entities")
        assert connection.execute(counted).one() == (251, 250)
        assert connection.execute(text("SELECT count(*) FROM items")).scalar_one() == 1000
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_known_companies_are_linked_when_an_hour_is_full_and_the_next_hour_has_room(
    engine: Engine,
) -> None:
    def put(*rows: ItemRow) -> int:
        with transaction(engine) as session:
            progress = [Progress("raw", 0, 1, max(row.published_at for row in rows))]
            return store_items(session, rows, progress, new_unlisted_per_hour=2).left_out

    full = put(*(item(f"a{n}", entities=(invented(n),)) for n in range(3)))
    known = put(item("b", entities=(invented(0),)))
    later = put(item("c", at=NOON + timedelta(hours=1), entities=(invented(3),)))
    # Dated back: the stream is an hour further, and has one place left.
    back = put(*(item(f"d{n}", at=NOON, entities=(invented(n),)) for n in range(4, 6)))

    assert (full, known, later, back) == (1, 0, 0, 1)
    with engine.connect() as connection:
        linked = connection.execute(text("SELECT entity_id, item_id FROM item_entities"))
        assert sorted(item_id for _, item_id in linked) == ["a0", "a1", "b", "c", "d4"]
