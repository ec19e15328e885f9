"""Reading series: buckets of any step, hours, mentions, names."""

from datetime import timedelta

import pytest

from db.copies import exact_copies
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import MARKET, EntityRow, HourRow, Places, ScopeKind, SeriesKey
from db.trends import archive_start, find_series, hours, mentions, models_of, scope_names, trend
from tests.integration.samples import (
    NEUTRAL,
    NOON,
    SVB,
    SVB_SERIES,
    item,
    minutes,
    store,
)

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
LONG_AGO, LATER = NOON - timedelta(days=30), NOON + timedelta(days=30)


def test_a_coarser_step_adds_up_languages_and_counts_each_source_once(engine: Engine) -> None:
    store(
        engine,
        item("a", at=NOON, source="wire"),
        item("b", at=NOON + minutes(20), source="wire", tone=NEUTRAL),
        item("c", at=NOON + minutes(21), source="财新", language="zh"),
        item("d", at=NOON + minutes(60), source="blog"),
    )

    with transaction(engine) as session:
        rows = trend(session, SVB_SERIES, since=NOON, until=LATER, step=HOUR)

    assert [(row.start, row.items, row.negative, row.sources) for row in rows] == [
        (NOON, 3, 2, 2),
        (NOON + HOUR, 1, 1, 1),
    ]


def test_a_story_of_several_buckets_counts_once_and_a_copy_tells_none(engine: Engine) -> None:
    rows = [
        item("a", at=NOON),
        item("b", at=NOON + minutes(20), source="daily"),
        item("c", at=NOON + minutes(21), language="zh"),
        item("copy", at=NOON + minutes(60), text_hash="text of a"),
    ]
    told = {"a": 1, "b": 1, "c": 2, "copy": 1}
    with transaction(engine) as session:
        store_items(session, rows, [], place=lambda *new: Places(exact_copies(*new).copies, told))

    with transaction(engine) as session:
        hourly = trend(session, SVB_SERIES, since=NOON, until=LATER, step=HOUR)
        found = mentions(session, [MARKET, SVB_SERIES], since=NOON - HOUR, until=LATER)

    assert [(row.accounts, row.stories, row.sources) for row in hourly] == [(3, 2, 2), (0, 0, 0)]
    for rows_of in found.values():
        assert {row.item_id: row.story for row in rows_of} == told


def test_since_is_in_the_trend_and_until_is_not(engine: Engine) -> None:
    store(engine, *(item(str(n), at=NOON + n * minutes(5)) for n in range(4)))

    with transaction(engine) as session:
        rows = trend(
            session, MARKET, since=NOON + minutes(5), until=NOON + minutes(15), step=minutes(5)
        )

    assert [row.start for row in rows] == [NOON + minutes(5), NOON + minutes(10)]


def test_a_bucket_of_copies_alone_has_no_mean_score(engine: Engine) -> None:
    store(engine, item("a", text_hash="same"), item("b", text_hash="same", at=NOON + HOUR))

    with transaction(engine) as session:
        rows = trend(session, MARKET, since=NOON + HOUR, until=LATER, step=HOUR)

    assert [(row.items, row.accounts, row.sources, row.mean_score) for row in rows] == [
        (1, 0, 0, None)
    ]


@pytest.mark.parametrize("step", [timedelta(0), minutes(-5), minutes(7), timedelta(seconds=1)])
def test_a_step_that_cuts_buckets_is_refused(engine: Engine, step: timedelta) -> None:
    with transaction(engine) as session, pytest.raises(ValueError, match="multiple"):
        trend(session, MARKET, since=NOON, until=LATER, step=step)


def test_hours_leave_out_those_without_accounts(engine: Engine) -> None:
    store(
        engine,
        item("a", text_hash="same", at=NOON + minutes(59)),
        item("b", text_hash="same", at=NOON + 2 * HOUR),
        item("c", tone=NEUTRAL, at=NOON + 3 * HOUR),
    )

    with transaction(engine) as session:
        rows = hours(session, [SVB_SERIES], since=NOON, until=LATER)[SVB_SERIES]

    assert rows == [HourRow(NOON, 1, 1, 1), HourRow(NOON + 3 * HOUR, 1, 0, 0)]


def test_mentions_come_by_event_time_then_id_without_since_and_with_until(engine: Engine) -> None:
    store(
        engine,
        item("z", at=NOON),
        item("b", at=NOON + minutes(1), text_hash="text of z"),
        item("B", at=NOON + minutes(1)),
        item("end", at=NOON + minutes(2)),
        item("after", at=NOON + minutes(3)),
    )

    with transaction(engine) as session:
        rows = mentions(session, [SVB_SERIES], since=NOON, until=NOON + minutes(2))[SVB_SERIES]

    assert [row.item_id for row in rows] == ["B", "b", "end"]
    assert [row.copy_of for row in rows] == [None, "z", None]
    assert rows[0].sentiment == "negative"
    assert rows[0].score == pytest.approx(-0.6)


def test_mentions_of_each_kind_of_series(engine: Engine) -> None:
    store(engine, item("a", topics=("Banks",)), item("b", entities=()))

    def ids(kind: ScopeKind, key: str) -> list[str]:
        with transaction(engine) as session:
            series = SeriesKey(kind, key)
            found = mentions(session, [series], since=LONG_AGO, until=LATER)[series]
        return [row.item_id for row in found]

    assert ids(ScopeKind.ENTITY, SVB.id) == ["a"]
    assert ids(ScopeKind.TOPIC, "Banks") == ["a"]
    assert ids(ScopeKind.MARKET, "all") == ["a", "b"]
    assert ids(ScopeKind.ENTITY, "unknown") == []


def test_a_series_is_found_by_id_or_name_in_any_case(engine: Engine) -> None:
    bank, twin = EntityRow("cn:600036", "招商银行"), EntityRow("hk:SVB", "SVB Financial Group")
    store(engine, item("a", topics=("M&A",), entities=(SVB, bank, twin)))
    svb = (SVB_SERIES, SVB.name)

    with transaction(engine) as session:
        assert find_series(session, "US:sivb", ScopeKind.ENTITY) == [svb]
        twins = find_series(session, "svb financial group", ScopeKind.ENTITY)
        assert twins == [(SeriesKey(ScopeKind.ENTITY, "hk:SVB"), SVB.name), svb]
        assert [name for _, name in find_series(session, "招商银行", ScopeKind.ENTITY)] == [
            "招商银行"
        ]
        topic = SeriesKey(ScopeKind.TOPIC, "M&A")
        assert find_series(session, "m&a", ScopeKind.TOPIC) == [(topic, "M&A")]
        assert find_series(session, "ALL", ScopeKind.MARKET) == [(MARKET, "all")]
        assert find_series(session, "M&A", ScopeKind.ENTITY) == []
        assert find_series(session, "some", ScopeKind.MARKET) == []


def test_a_series_without_a_known_name_is_called_by_its_id(engine: Engine) -> None:
    store(engine, item("a"))

    with transaction(engine) as session:
        topic = SeriesKey(ScopeKind.TOPIC, "M&A")
        unknown = SeriesKey(ScopeKind.ENTITY, "xx:none")
        assert scope_names(session, [SVB_SERIES, unknown, topic]) == {
            SVB_SERIES: SVB.name,
            unknown: "xx:none",
            topic: "M&A",
        }


def test_the_archive_starts_with_its_oldest_event_time(engine: Engine) -> None:
    with transaction(engine) as session:
        assert archive_start(session) is None
    store(engine, item("a"), item("b", at=NOON - HOUR))

    with transaction(engine) as session:
        assert archive_start(session) == NOON - HOUR


def test_more_ids_than_a_statement_has_parameters_are_no_trouble(engine: Engine) -> None:
    ids = [f"nobody {number}" for number in range(70_000)]
    with transaction(engine) as session:
        store_items(session, [item("a")], [])

        assert models_of(session, [*ids, "a", "a"]).keys() == {"a"}
        names = scope_names(session, [SeriesKey(ScopeKind.ENTITY, key) for key in ids])

    assert len(names) == len(ids)
