"""Copies and stories over all workers, restarts and failures: the same whoever stores an item."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from alerts.accounts.copies import read_text
from alerts.accounts.vectors import pack
from db.accounts import accounts_after, first_number
from db.engine import Engine, Session, transaction
from db.items import store_items
from db.rows import ItemRow, Places
from pipeline.backtest.memory_archive import places_in_order
from pipeline.stages.accounts import SharedAccounts
from pipeline.stages.classify import Analysed
from pipeline.stages.parse import Message
from pipeline.stages.store import store_batch
from tests.integration.samples import (
    NOON,
    copies,
    item,
    minutes,
    recounted_buckets,
    stored_buckets,
    stories,
)

pytestmark = pytest.mark.integration

STORY = "Northwind falls after a collapse of its loan book in the north"


def version(number: int) -> ItemRow:
    """Return an item that says the story with another stamp, later by its number."""
    row = item(f"id{number:03}", at=NOON + minutes(number), source=f"outlet-{number}")
    return replace(row, title=f"UPDATE {number}-{STORY}")


SUBJECTS = (
    "Northwind Bank halts withdrawals as depositors queue",
    "Fire closes the refinery of Kestovar at the harbour",
    "Isolvara trial of a heart drug fails its goal",
)
FORMS = (
    "{}",
    "Report: {} today, says a source",
    "What it means that {}",
    "{}, and nobody knows why",
)


def tellings(count: int) -> list[ItemRow]:
    """Return accounts of three stories, told in turns, each a minute after the one before."""
    rows = []
    for n in range(count):
        words = SUBJECTS[n % 3].split()
        subject = " ".join([*words[n % 4 :], *words[: n % 4]])
        title = f"{FORMS[n % 4].format(subject)}, part {n}"
        vector = [0.1] * 3
        vector[n % 3] = 1.0
        at, topics = NOON + minutes(n), ("banking",) if n % 2 else ()
        row = item(f"id{n:03}", at=at, source=f"outlet-{n % 7}", topics=topics)
        rows.append(replace(row, title=title, story_vector=pack(vector)))
    return rows


def told_alike(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Tell whether two say the same of the same items, whatever numbers the stories have."""
    pairs = {(one[item_id], other[item_id]) for item_id in one}
    return one.keys() == other.keys() and len(pairs) == len(set(one.values())) == len(
        set(other.values())
    )


def put(engine: Engine, shared: SharedAccounts, rows: Sequence[ItemRow]) -> int:
    """Store items as a worker does; return how many were refused."""
    analysed = [
        Analysed(Message("raw", 0, n, None, None), row, read_text(row.title, row.body))
        for n, row in enumerate(rows)
    ]
    _, refused = store_batch(engine, analysed, [], shared)
    return len(refused)


def test_a_near_copy_counts_as_one_whichever_worker_stores_it(engine: Engine) -> None:
    one, other = SharedAccounts(), SharedAccounts()

    put(engine, one, [version(1)])
    put(engine, other, [version(2), version(3)])
    put(engine, one, [version(4)])

    assert copies(engine) == {"id001": None, "id002": "id001", "id003": "id001", "id004": "id001"}
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_a_worker_that_starts_anew_knows_the_accounts_of_before(engine: Engine) -> None:
    put(engine, SharedAccounts(), [version(1)])

    put(engine, SharedAccounts(), [version(2)])

    assert copies(engine)["id002"] == "id001"


def test_workers_that_store_at_once_take_one_text_for_the_first(engine: Engine) -> None:
    workers = [SharedAccounts() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(put, engine, workers[n % 4], [version(n), version(n + 100)])
            for n in range(20)
        ]
        for future in futures:
            future.result()

    accounts = [item_id for item_id, account in copies(engine).items() if account is None]
    assert len(accounts) == 1
    assert len(set(stories(engine).values())) == 1
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_what_was_rolled_back_is_no_account(engine: Engine) -> None:
    shared = SharedAccounts()
    put(engine, shared, [item("before")])
    broken = replace(version(1), language="\x00")  # PostgreSQL refuses it

    refused = put(engine, shared, [broken])
    put(engine, shared, [version(2)])

    assert refused == 1
    assert copies(engine) == {"before": None, "id002": None}
    assert stories(engine).keys() == {"before", "id002"}


def test_accounts_older_than_72_hours_are_dropped(engine: Engine) -> None:
    shared = SharedAccounts()
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


def test_workers_in_turns_and_one_that_starts_anew_tell_the_stories_of_one_alone(
    engine: Engine,
) -> None:
    rows = tellings(90)
    workers = [SharedAccounts(), SharedAccounts()]

    for n in range(0, 90, 5):
        if n == 60:
            workers[1] = SharedAccounts()
        put(engine, workers[n // 5 % 2], rows[n : n + 5])

    told = stories(engine)
    assert told_alike(told, places_in_order(rows).stories)
    assert 3 <= len(set(told.values())) < 10
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)
        numbers = text("SELECT item_id, number, story FROM recent_accounts")
        begun = {row.story for row in connection.execute(numbers) if row.number == row.story}
    assert begun == set(told.values()), "a story has the number of an account"


def test_workers_at_once_agree_on_every_story(engine: Engine) -> None:
    rows = tellings(120)
    workers = [SharedAccounts() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        done = [
            pool.submit(put, engine, workers[n], rows[n * 30 + at : n * 30 + at + 5])
            for at in range(0, 30, 5)
            for n in range(4)
        ]
        for future in done:
            future.result()
    put(engine, SharedAccounts(), [replace(rows[0], id="last", published_at=NOON + minutes(200))])

    told = stories(engine)
    assert told.keys() == {*(row.id for row in rows), "last"}
    assert told["last"] == told["id000"]
    assert len(set(told.values())) < 15
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_a_copy_has_the_story_of_its_account_near_exact_and_after_a_restart(
    engine: Engine,
) -> None:
    shared = SharedAccounts()
    put(engine, shared, [*tellings(3), version(10)])
    exact = replace(item("exact", at=NOON + minutes(11)), text_hash="text of id010")

    put(engine, shared, [version(12), exact])
    put(engine, SharedAccounts(), [version(13), replace(exact, id="later")])

    told = stories(engine)
    assert copies(engine)["exact"] == copies(engine)["later"] == "id010"
    assert {told[name] for name in ("id012", "id013", "exact", "later")} == {told["id010"]}


def test_a_transaction_that_failed_leaves_no_story_behind(engine: Engine) -> None:
    rows = tellings(9)
    shared = SharedAccounts()
    put(engine, shared, rows[:3])

    def fail_after(session: Session, new: Sequence[ItemRow]) -> Places:
        shared.place(session, new, {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction(engine) as session:
        store_items(session, rows[3:6], [], place=fail_after)
    shared.forget()
    put(engine, shared, rows[6:])

    kept = [*rows[:3], *rows[6:]]
    assert told_alike(stories(engine), places_in_order(kept).stories)
    with engine.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)


def test_vectors_of_another_model_are_not_compared(engine: Engine) -> None:
    row = replace(item("one"), title=SUBJECTS[0], story_vector=pack((0.6, 0.8)))
    other = "Panic at the counters: Northwind freezes all accounts"
    new = replace(item("two"), title=other, story_vector=pack((0.6, 0.8)), model="another")
    put(engine, SharedAccounts(), [row])

    put(engine, SharedAccounts(), [new])

    assert stories(engine)["two"] != stories(engine)["one"]


def test_a_restart_knows_as_many_accounts_as_it_may_whatever_numbers_are_missing(
    engine: Engine,
) -> None:
    shared = SharedAccounts()
    for row in tellings(6):
        put(engine, shared, [row, replace(row, id=f"{row.id} again")])

    with transaction(engine) as session:
        first = first_number(session, most=4)
        assert len(accounts_after(session, first)) == 4
        assert first_number(session, most=100) == 0
