"""Sources that fall silent: from stored items to events at a real endpoint."""

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from alerts.source_silence import SLOT
from db.engine import Engine, transaction
from db.items import store_items
from db.migrate import upgrade
from db.rows import BUCKET, Progress
from db.sources import lags, source_silences
from pipeline.settings import Settings
from pipeline.source_watch import SourceWatch
from pipeline.stages.source_silence import watch_sources
from tests.integration.endpoints import receiver
from tests.integration.samples import NOON, item, minutes, store
from tests.integration.test_db_schema import migrate_to
from tests.integration.watching import Watch, types, verified

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
WEEKS = 4 * 7 * 24


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


def hourly(engine: Engine, source: str, *, first: int, last: int) -> None:
    """Store an item of a source in each of these hours after noon."""
    hours = range(first, last + 1)
    store(
        engine, *(item(f"{source} {hour}", at=NOON + hour * HOUR, source=source) for hour in hours)
    )


def look(engine: Engine, at: datetime) -> list[str]:
    with transaction(engine) as session:
        return [notice.type for notice in watch_sources(session, now=at)]


def test_a_source_that_dies_is_told_of_once_and_again_when_it_speaks(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as operator, receiver() as other:
        watch.subscribe(operator.url, operations=True)
        watch.subscribe(other.url)
        hourly(engine, "dying", first=-WEEKS, last=0)
        hourly(engine, "alive", first=-WEEKS, last=14)
        assert look(engine, NOON + 2 * HOUR) == []
        assert look(engine, NOON + 12 * HOUR) == ["source.silent"]
        assert look(engine, NOON + 13 * HOUR) == [], "it was told already"
        hourly(engine, "dying", first=14, last=14)
        assert look(engine, NOON + 14 * HOUR) == ["source.resumed"]
        assert look(engine, NOON + 14 * HOUR) == []
        watch.deliver()

        silent, resumed = verified(operator)
        assert types(operator) == ["source.silent", "source.resumed"]
        assert other.received == []
    assert isinstance(silent["data"], dict)
    assert silent["data"] | {"once_in_days": 0, "expected": 0} == {
        "source": "dying",
        "silent_since": "2023-03-09T12:00:00Z",
        "usual_gap_s": 3600,
        "expected": 0,
        "once_in_days": 0,
    }
    assert resumed["data"] == {
        "source": "dying",
        "silent_since": "2023-03-09T12:00:00Z",
        "spoke_at": "2023-03-10T02:00:00Z",
    }


def test_two_schedulers_tell_of_a_silence_once(engine: Engine, watch: Watch) -> None:
    with receiver() as operator:
        watch.subscribe(operator.url, operations=True)
        hourly(engine, "dying", first=-WEEKS, last=0)
        looks = [threading.Thread(target=look, args=(engine, NOON + 12 * HOUR)) for _ in range(2)]
        for each in looks:
            each.start()
        for each in looks:
            each.join()
        watch.deliver()

        assert types(operator) == ["source.silent"]


def test_the_job_listens_by_the_wall_clock_while_nothing_waits(engine: Engine) -> None:
    class FakeOffsets:
        """A broker whose end is set."""

        def __init__(self) -> None:
            self.ends = {0: 5}

        def end_offsets(
            self,
            topic: str,  # noqa: ARG002  # the seam's form
            progress: Mapping[int, Progress] | None = None,  # noqa: ARG002  # the same
        ) -> dict[int, int]:
            """Return what is set."""
            return self.ends

    hourly(engine, "dying", first=-WEEKS, last=0)
    with transaction(engine) as session:
        store_items(session, [], [Progress("news.raw.v1", 0, 5, NOON)])
    offsets = FakeOffsets()
    job = SourceWatch(engine, offsets, Settings(), now=lambda: NOON + 12 * HOUR)
    offsets.ends = {0: 6}
    job.tick()
    assert _silent(engine) == []
    offsets.ends = {0: 5}
    job.tick()
    assert _silent(engine) == ["dying"]


@pytest.mark.parametrize("lag_h", [0, 3])
def test_a_source_whose_items_always_come_late_is_not_silent_meanwhile(
    engine: Engine, lag_h: int
) -> None:
    """An item every ten minutes: three hours without are a silence, unless they are its lag."""
    slots = range(-WEEKS * 12, 1)
    store(
        engine,
        *(item(f"slow {n}", at=NOON + minutes(5 * n), source="slow") for n in slots if n % 2 == 0),
    )
    with transaction(engine) as session:
        session.execute(text("UPDATE source_slots SET lag_s = 3600 * :lag"), {"lag": lag_h})

    assert look(engine, NOON + 3 * HOUR) == ([] if lag_h else ["source.silent"])
    assert look(engine, NOON + 12 * HOUR) == (["source.silent"] if lag_h else [])


def test_a_source_is_listed_with_its_newest_item_and_its_lag(engine: Engine) -> None:
    store(
        engine,
        *(item(f"wire {n}", at=NOON - n * HOUR, source="wire") for n in range(5)),
        *(item(f"slow {n}", at=NOON - (n + 2) * HOUR, source="slow") for n in range(5)),
        item("old", at=NOON - 8 * 24 * HOUR, source="gone"),
        item("archive", at=NOON - HOUR, source="archive"),
    )
    with transaction(engine) as session:
        session.execute(
            text(
                "UPDATE items SET stored_at = published_at + CASE source WHEN 'wire' THEN "
                "INTERVAL '10 s' WHEN 'slow' THEN INTERVAL '1 hour' ELSE INTERVAL '3 years' END"
            )
        )
        rows = session.execute(text("SELECT * FROM v_sources ORDER BY source")).all()

    assert [tuple(row) for row in rows] == [
        ("archive", NOON - HOUR, 1, None, None),
        ("slow", NOON - 2 * HOUR, 5, 3600, 3600),
        ("wire", NOON, 5, 10, 10),
    ]


def test_a_source_lags_as_the_first_items_of_its_slots_do_but_the_latest(engine: Engine) -> None:
    stream = [item(f"wire {n}", at=NOON - n * HOUR, source="wire") for n in range(100)]
    archive = item("archive", at=NOON - HOUR, source="archive")
    store(engine, *stream, archive)
    with transaction(engine) as session:
        new = session.execute(text("SELECT lag_s FROM source_slots")).scalars().all()
        late = "UPDATE source_slots SET lag_s = CASE WHEN slot > :since THEN 10 ELSE 7200 END"
        only = " WHERE source = 'wire'"
        session.execute(text(late + only), {"since": NOON - 96 * HOUR})
        known = lags(session, since=NOON - 168 * HOUR)

    assert set(new) == {None}, "stored years later"
    assert known == {"wire": timedelta(seconds=10)}


def test_slots_are_what_a_recount_of_the_items_gives_whatever_is_redelivered(
    engine: Engine,
) -> None:
    rows = [
        item("a", at=NOON, source="wire"),
        item("b", at=NOON + minutes(4), source="wire", text_hash="text of a"),
        item("c", at=NOON + minutes(5), source="wire", relevance=0.1),
        item("d", at=NOON, source="paper"),
    ]
    for batch in (rows[:1], rows, rows[2:]):
        store(engine, *batch)

    kept, recounted = kept_and_recounted(engine)
    assert kept == recounted


def test_slots_are_made_of_the_items_of_four_weeks_when_the_schema_is_upgraded(
    engine: Engine, database_url: str
) -> None:
    rows = [item(f"{n}", at=NOON - n * HOUR, source=f"wire {n % 2}") for n in range(9)]
    store(engine, *rows, item("old", at=NOON - 29 * 24 * HOUR))
    with engine.begin() as connection:
        migrate_to(connection, "0021")
    upgrade(database_url)

    kept, recounted = kept_and_recounted(engine)
    assert kept == recounted[1:], "all but the old one"


def test_slots_are_as_long_as_those_that_silences_are_told_by() -> None:
    assert SLOT == BUCKET


def kept_and_recounted(engine: Engine) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the stored slots, oldest first, and those that the stored items make."""
    kept = "SELECT slot, source, items, newest_at FROM source_slots ORDER BY 1, 2"
    recounted = """
        SELECT date_bin('5 minutes', published_at, TIMESTAMPTZ '2001-01-01 00:00+00'), source,
               count(*), max(published_at) FROM items GROUP BY 1, 2 ORDER BY 1, 2
    """
    with transaction(engine) as session:
        both = [[tuple(row) for row in session.execute(text(q))] for q in (kept, recounted)]
    return both[0], both[1]


def _silent(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return [row.source for row in source_silences(session) if row.ended_at is None]
