"""Buckets add up, whatever is delivered again and however many workers store at once."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from db.engine import Engine, transaction
from db.items import store_items
from db.rows import EntityRow, ItemRow
from tests.integration.samples import (
    NEGATIVE,
    NEUTRAL,
    NOON,
    POSITIVE,
    copies,
    item,
    minutes,
    recounted_buckets,
    store,
    stored_buckets,
    towards,
)

pytestmark = pytest.mark.integration


def a_random_stream(rng: random.Random, size: int) -> list[ItemRow]:
    companies = [EntityRow(f"co:{n}", f"Company {n}") for n in range(6)]
    return [
        item(
            f"id{rng.randrange(size)}",
            at=NOON + timedelta(seconds=rng.randrange(5 * 24 * 3600)),
            text_hash=f"text{rng.randrange(size)}",
            tone=rng.choice([NEGATIVE, NEUTRAL, POSITIVE]),
            source=rng.choice(["wire", "portal", "blog", "财新"]),
            language=rng.choice(["en", "zh"]),
            topics=tuple(rng.sample(["M&A", "Earnings", "Macro"], rng.randrange(3))),
            entities=tuple(
                towards(company, rng.choice([NEGATIVE, POSITIVE]), counts=rng.random() < 0.7)
                if rng.random() < 0.7
                else company
                for company in rng.sample(companies, rng.randrange(4))
            ),
            relevance=rng.choice([None, 0.1, 0.9]),
        )
        for _ in range(size)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_buckets_equal_a_recount_whatever_is_redelivered(engine: Engine, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    stream = a_random_stream(rng, 200)
    for _ in range(20):
        start = rng.randrange(len(stream))
        store(engine, *stream[start : start + rng.randrange(1, 60)])

    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def store_in_threads(engine: Engine, batches: Sequence[Sequence[list[ItemRow]]]) -> list[str]:
    """Store one list of batches a thread, batch by batch together; return all new ids."""
    together = threading.Barrier(len(batches))

    def work(own: Sequence[list[ItemRow]]) -> list[str]:
        new: list[str] = []
        for batch in own:
            together.wait(timeout=60)
            new += store(engine, *batch).new
        return new

    with ThreadPoolExecutor(len(batches)) as pool:
        return [item_id for new in pool.map(work, batches) for item_id in new]


def test_workers_with_the_same_items_store_each_once(engine: Engine) -> None:
    rng = random.Random(1)  # noqa: S311
    stream = [a_random_stream(rng, 400) for _ in range(6)]

    new = store_in_threads(engine, [[rng.sample(b, 300) for b in stream] for _ in range(3)])

    assert len(new) == len(set(new)), "each item was new to one worker only"
    with engine.connect() as connection:
        assert set(connection.execute(text("SELECT id FROM items")).scalars()) == set(new)
        assert stored_buckets(connection) == recounted_buckets(connection)


def items_of(worker: int, number: int, *, same_texts: bool) -> list[ItemRow]:
    """Return one worker's batch: ids of its own, in the buckets of everybody."""
    rng = random.Random(f"{worker} {number}")  # noqa: S311
    rows = [
        replace(
            row,
            id=f"{worker}/{number}/{n}",
            published_at=NOON + number * timedelta(days=1) + minutes(rng.randrange(400)),
            text_hash=f"{number}/{row.text_hash}" if same_texts else f"{worker}/{number}/{n}",
        )
        for n, row in enumerate(a_random_stream(rng, 400))
    ]
    return list({row.text_hash: row for row in rows}.values())


@pytest.mark.parametrize("same_texts", [True, False])
def test_workers_with_different_items_of_the_same_series_do_not_deadlock(
    engine: Engine, same_texts: bool
) -> None:
    batches = [
        [items_of(worker, number, same_texts=same_texts) for number in range(10)]
        for worker in range(3)
    ]

    store_in_threads(engine, batches)

    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)
        accounts = text("SELECT count(*) FROM items WHERE copy_of IS NULL GROUP BY text_hash")
        assert set(connection.execute(accounts).scalars()) == {1}, "whoever stored it first"


def test_of_two_workers_that_renew_a_text_one_finds_the_account_of_the_other(
    engine: Engine,
) -> None:
    later = NOON + timedelta(days=4)
    store(engine, item("old", text_hash="same"))

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            store_items(session, [item("one", at=later, text_hash="same")], [])
            other = pool.submit(store, engine, item("two", at=later, text_hash="same"))
            wait_until_blocked(engine)
        other.result(timeout=20)

    assert copies(engine) == {"old": None, "one": None, "two": "one"}


def wait_until_blocked(engine: Engine) -> None:
    """Return when some transaction waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nothing waited for a lock")
