"""How fast the database takes items and answers for trends, empty and with millions of items.

    python -m benchmarks.store --json out.json

fills a PostgreSQL in a temporary folder with invented items of ninety days, and before and after
that stores batches by the worker's own code and asks for trends of single companies. It tells too
how long an item keeps the lock under which accounts are placed: what it leaves bounds all workers.
"""

import math
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import Annotated

import psycopg
import typer

from alerts.accounts.copies import read_text
from alerts.accounts.vectors import pack
from benchmarks.common import Row, machine, save, say, show_table
from db.engine import Engine, Session, create_engine, transaction
from db.items import store_items
from db.migrate import upgrade
from db.partitions import add_missing_month
from db.rows import EntityRow, ItemRow, Places, Progress, ScopeKind, SeriesKey
from db.tone import Tone
from db.trends import trend
from pipeline.demo.embedded import start_postgres
from pipeline.stages.accounts import SharedAccounts

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 90
_COMPANIES = 20_000
_SOURCES = 200
_BATCH = 256
_BATCHES = 40
_QUERIES = 200
_TOPICS = ("earnings", "macro", "M&A", "banking")
# Headlines as far apart as those of a day: some words are in many, most in few.
_WORDS, _WORDS_IN_TITLE = 30_000, 9
_VECTOR = 64
# Few companies are in most of the news: a share falls with the square of its rank.
_FILL = (
    """INSERT INTO entities SELECT 'co:' || n, 'Company ' || n, 'company'
       FROM generate_series(0, %(companies)s - 1) AS n ON CONFLICT DO NOTHING""",
    "INSERT INTO topics SELECT unnest(%(topics)s::text[]) ON CONFLICT DO NOTHING",
    """CREATE TEMP TABLE new AS
       SELECT n, 'old' || n AS id, %(start)s + n * (INTERVAL '90 days' / %(until)s) AS at,
              'outlet ' || n %% %(sources)s AS source,
              'co:' || floor(%(companies)s * power(random(), 3))::int AS entity,
              (%(topics)s::text[])[1 + n %% 4] AS topic, n %% 3 AS tone
       FROM generate_series(%(since)s + 1, %(until)s) AS n""",
    """INSERT INTO items (id, published_at, title, body, source, url, language, text_hash,
                          p_negative, p_neutral, p_positive, sentiment, score, model, is_relevant)
       SELECT id, at, 'An invented headline of usual length about company ' || entity,
              repeat('Words that say little. ', 8), source, 'https://example.com/' || n, 'en',
              md5(id), 0.3, 0.4, 0.3, (ARRAY['negative', 'neutral', 'positive'])[1 + tone],
              0, 'benchmark', true
       FROM new""",
    "INSERT INTO item_entities (entity_id, published_at, item_id) SELECT entity, at, id FROM new",
    "INSERT INTO item_topics SELECT topic, at, id, 0.9 FROM new",
    "INSERT INTO texts SELECT md5(id), id, at FROM new",
    """INSERT INTO trend_5m AS t
       SELECT kind, scope, date_bin('5 minutes', at, TIMESTAMPTZ '2000-01-01 00:00+00'), 'en',
              count(*), count(*), count(*) FILTER (WHERE tone = 0),
              count(*) FILTER (WHERE tone = 1), count(*) FILTER (WHERE tone = 2), 0,
              array_agg(DISTINCT source),
              coalesce(array_agg(DISTINCT source) FILTER (WHERE tone = 0), '{}')
       FROM new, LATERAL (VALUES ('market', 'all'), ('entity', entity), ('topic', topic))
           AS series (kind, scope)
       GROUP BY 1, 2, 3
       ON CONFLICT (scope_kind, scope_id, bucket, language) DO NOTHING""",
    "DROP TABLE new",
)
_FILL_AT_ONCE = 500_000


def make_partitions(engine: Engine, now: datetime) -> None:
    """Make the partitions that are missing, as the scheduler does every hour."""
    month: datetime | None = now
    while month:
        with transaction(engine) as session:
            month = add_missing_month(session, now=now)


def fill(url: str, since: int, until: int) -> None:
    """Add invented items up to a number."""
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(since, until, _FILL_AT_ONCE):
            say(f"{first:,} of {until:,} items")
            values = {
                "since": first,
                "until": min(first + _FILL_AT_ONCE, until),
                "companies": _COMPANIES,
                "sources": _SOURCES,
                "topics": list(_TOPICS),
                "start": _START,
            }
            for statement in _FILL:
                connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE")


def invented(rng: random.Random, number: int, since: datetime) -> ItemRow:
    """Return an item, by its number later than the one before."""
    company = int(_COMPANIES * rng.random() ** 3)
    tone = Tone(*rng.choice([(0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.1, 0.2, 0.7)]))
    return ItemRow(
        id=f"new{number}-{rng.getrandbits(40)}",
        published_at=since + timedelta(seconds=number),
        title=_title(rng),
        body=f"Words that say little of number {number}. " * 4,
        source=f"outlet {number % _SOURCES}",
        url=f"https://example.com/new/{number}",
        language="en",
        text_hash=f"{rng.getrandbits(128):032x}",
        tone=tone,
        model="benchmark",
        topics=((_TOPICS[number % 4], 0.9),),
        entities=(EntityRow(f"co:{company}", f"Company {company}"),),
        relevance=0.9,
        story_vector=_vector(rng),
    )


def _title(rng: random.Random) -> str:
    ranks = (int(_WORDS ** rng.random()) for _ in range(_WORDS_IN_TITLE))
    return " ".join(f"{'N' if rank % 4 == 0 else 'w'}ord{rank:x}" for rank in ranks)


def _vector(rng: random.Random) -> bytes:
    vector = [rng.gauss(0, 1) for _ in range(_VECTOR)]
    return pack([each / math.hypot(*vector) for each in vector])


@dataclass(frozen=True, slots=True)
class Stored:
    """How fast batches were stored.

    Attributes:
        rows_per_s: Of one connection.
        locked_ms: Of an item, from before its accounts are placed to the commit.
    """

    rows_per_s: float
    locked_ms: float


def insert(
    engine: Engine, rng: random.Random, accounts: SharedAccounts, since: datetime, batches: int
) -> Stored:
    """Store batches as the worker does, one connection."""
    rows = [invented(rng, number, since) for number in range(_BATCH * batches)]
    texts = {row.id: read_text(row.title, row.body) for row in rows}
    placed: list[float] = []

    def place(session: Session, new: Sequence[ItemRow]) -> Places:
        placed.append(time.perf_counter())
        return accounts.place(session, new, texts)

    make_partitions(engine, since)
    started, locked = time.perf_counter(), 0.0
    for first in range(0, len(rows), _BATCH):
        batch = rows[first : first + _BATCH]
        with transaction(engine) as session:
            progress = [Progress("raw", 0, first, batch[-1].published_at)]
            store_items(session, batch, progress, place=place)
        locked += time.perf_counter() - placed[-1]
    return Stored(len(rows) / (time.perf_counter() - started), 1000 * locked / len(rows))


def query_times(engine: Engine, rng: random.Random) -> list[float]:
    """Return the seconds of trend queries: companies as often as they are in the news."""
    times = []
    until = _START + timedelta(days=_DAYS)
    for _ in range(_QUERIES):
        key = SeriesKey(ScopeKind.ENTITY, f"co:{int(_COMPANIES * rng.random() ** 3)}")
        started = time.perf_counter()
        with transaction(engine) as session:
            trend(session, key, since=_START, until=until, step=timedelta(days=1))
        times.append(time.perf_counter() - started)
    return sorted(times)


def measure(sizes: list[int], runs: int, batches: int) -> list[Row]:
    """Return rates and times at each size, the empty database first."""
    rng = random.Random(7)  # noqa: S311 - no secret
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as folder:
        postgres = start_postgres(Path(folder) / "cluster")
        try:
            upgrade(postgres.url)
            engine = create_engine(postgres.url, statement_timeout_s=600)
            for month in range(_DAYS // 30):
                make_partitions(engine, _START + timedelta(days=30 * month))
            accounts = SharedAccounts()
            # Each run begins when the accounts of the one before are too old to be compared with.
            starts = (_START + timedelta(days=_DAYS + 5 * run) for run in count())
            insert(engine, rng, accounts, next(starts), _BATCHES)  # the first one makes the pages
            size = 0
            for goal in [0, *sizes]:
                fill(postgres.url, size, goal)
                size = goal
                told = [insert(engine, rng, accounts, next(starts), batches) for _ in range(runs)]
                rates = [one.rows_per_s for one in told]
                times = query_times(engine, rng)
                found.append(
                    {
                        "items": size,
                        "rows_per_s": median(rates),
                        "lowest": min(rates),
                        "highest": max(rates),
                        "locked_ms": median(one.locked_ms for one in told),
                        "trend_p50_ms": 1000 * times[len(times) // 2],
                        "trend_p95_ms": 1000 * times[int(0.95 * len(times))],
                    }
                )
                say(str(found[-1]))
            engine.dispose()
        finally:
            postgres.stop()
    return found


def main(
    sizes: Annotated[
        list[int] | None, typer.Option("--size", min=1000, help="Items. [1000000 10000000]")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs.")] = 3,
    batches: Annotated[
        int, typer.Option(min=1, help="Of 256 items, a run; that many accounts gather.")
    ] = _BATCHES,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
) -> None:
    """Measure storing and asking at several sizes."""
    rows = measure(sizes or [1_000_000, 10_000_000], runs, batches)
    columns = (
        *("items", "rows/s", "lowest", "highest", "locked, ms an item"),
        *("trend p50, ms", "trend p95, ms"),
    )
    table = [[round(v, 1) if isinstance(v, float) else v for v in row.values()] for row in rows]
    show_table(f"batches of {_BATCH}, median of {runs}", columns, table)
    save(json_file, {"sizes": rows, **machine()})


if __name__ == "__main__":
    typer.run(main)
