"""Near copies over all workers, restarts and failures: one account each, whoever stores it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from alerts.accounts.copies import read_text
from db.engine import Engine, transaction
from db.rows import ItemRow
from pipeline.stages.classify import Analysed
from pipeline.stages.copies import SharedCopies
from pipeline.stages.parse import Message
from pipeline.stages.store import store_batch
from tests.integration.samples import (
    NOON,
    copies,
    item,
    minutes,
    recounted_buckets,
    stored_buckets,
)

pytestmark = pytest.mark.integration

STORY = "Northwind falls after a collapse of its loan book in the north"


def version(number: int) -> ItemRow:
    """Return an item that says the story with another stamp, later by its number."""
    row = item(f"id{number:03}", at=NOON + minutes(number), source=f"outlet-{number}")
    return replace(row, title=f"UPDATE {number}-{STORY}")


def put(engine: Engine, shared: SharedCopies, rows: Sequence[ItemRow]) -> int:
    """Store items as a worker does; return how many were refused."""
    analysed = [
        Analysed(Message("raw", 0, n, None, None), row, read_text(row.title, row.body))
        for n, row in enumerate(rows)
    ]
    _, refused = store_batch(engine, analysed, [], shared)
    return len(refused)


def test_a_near_copy_counts_as_one_whichever_worker_stores_it(engine: Engine) -> None:
    one, other = SharedCopies(), SharedCopies()

    put(engine, one, [version(1)])
    put(engine, other, [version(2), version(3)])
    put(engine, one, [version(4)])

    assert copies(engine) == {"id001": None, "id002": "id001", "id003": "id001", "id004": "id001"}
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_a_worker_that_starts_anew_knows_the_accounts_of_before(engine: Engine) -> None:
    put(engine, SharedCopies(), [version(1)])

    put(engine, SharedCopies(), [version(2)])

    assert copies(engine)["id002"] == "id001"


def test_workers_that_store_at_once_take_one_text_for_the_first(engine: Engine) -> None:
    workers = [SharedCopies() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(put, engine, workers[n % 4], [version(n), version(n + 100)])
            for n in range(20)
        ]
        for future in futures:
            future.result()

    accounts = [item_id for item_id, account in copies(engine).items() if account is None]
    assert len(accounts) == 1
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_what_was_rolled_back_is_no_account(engine: Engine) -> None:
    shared = SharedCopies()
    put(engine, shared, [item("before")])
    broken = replace(version(1), language="\x00")  # PostgreSQL refuses it

    refused = put(engine, shared, [broken])
    put(engine, shared, [version(2)])

    assert refused == 1
    assert copies(engine) == {"before": None, "id002": None}


def test_accounts_older_than_72_hours_are_dropped(engine: Engine) -> None:
    shared = SharedCopies()
    put(engine, shared, [version(1)])
    later = [
        replace(
            item(f"late{n}", at=NOON + timedelta(hours=80)),
            title=f"News {n} of all sorts of things",
        )
        for n in range(12)
    ]
    put(engine, shared, later)
    put(engine, shared, [item("last", at=NOON + timedelta(hours=81))])

    with transaction(engine) as session:
        kept = set(session.execute(text("SELECT item_id FROM recent_accounts")).scalars())
    assert "id001" not in kept
    assert "last" in kept
