"""What a tick of the detector costs with many series, the database included.

    python -m benchmarks.detect_scale --json out.json

starts an embedded PostgreSQL in a temporary folder and fills it with invented companies: each has
a history of four weeks and one negative account in the last hours, one in a hundred has three of
three sources. Then ticks are measured. A busy one evaluates the hours in which all of these came,
as after an outage, and fires an alert on each with three: at first cold, on a server that has just
started and was never told to gather statistics, then warm. A quiet one comes two seconds of event
time later and finds nothing newly stored.
"""

import json
import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from db.detect_states import detect_state, save_detect_state
from db.engine import Engine, create_engine, transaction
from db.migrate import upgrade
from pipeline.demo.embedded import start_postgres
from pipeline.rules import load_rules
from pipeline.stages import detect
from pipeline.stages.alerting import DETECTOR

_NOW = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)
# A border of the grid of event time, before all that can fire.
_BEFORE = _NOW.replace(hour=12, minute=0)
_SIZES = (1_000, 10_000, 100_000)
_FILL = (
    "INSERT INTO entities SELECT 'x:' || n, 'Company ' || n, 'company'"
    " FROM generate_series(1, %(series)s) AS n",
    # Ten buckets of quiet history for each company, and one for the market each hour.
    """INSERT INTO trend_5m
       SELECT 'entity', 'x:' || n, date_bin('5 minutes', %(now)s - d * INTERVAL '67 hours'
                  - (n %% 60) * INTERVAL '1 hour', TIMESTAMPTZ '2000-01-01 00:00+00'), 'en',
              2, 2, (n + d) %% 2, 2 - (n + d) %% 2, 0, 0, '{a,b}', '{a}'
       FROM generate_series(1, %(series)s) AS n, generate_series(1, 10) AS d
       ON CONFLICT DO NOTHING""",
    """INSERT INTO trend_5m
       SELECT 'market', 'all', date_trunc('hour', %(now)s - h * INTERVAL '1 hour'), 'en',
              %(series)s / 100 + 10, %(series)s / 100 + 10, %(series)s / 400 + 2, 8, 0, 0, '{a,b}',
              '{a}'
       FROM generate_series(1, 700) AS h""",
    """INSERT INTO items (id, published_at, title, body, source, language, text_hash, p_negative,
                          p_neutral, p_positive, sentiment, score, model, is_relevant)
       SELECT 'old', %(now)s - INTERVAL '28 days', 'Old', '', 'a', 'en', 'old', 0, 1, 0, 'neutral',
              0, 'benchmark', true""",
    """INSERT INTO items (id, published_at, title, body, source, language, text_hash, p_negative,
                          p_neutral, p_positive, sentiment, score, model, is_relevant)
       SELECT n || '-' || k, %(now)s - k * INTERVAL '40 minutes' - (n %% 7) * INTERVAL '1 minute',
              'Invented title', '', 'source ' || k, 'en', n || '-' || k, 0.8, 0.1, 0.1, 'negative',
              -0.7, 'benchmark', true
       FROM generate_series(1, %(series)s) AS n,
            generate_series(0, CASE WHEN n %% 100 = 0 THEN 2 ELSE 0 END) AS k""",
    """INSERT INTO item_entities (entity_id, published_at, item_id)
       SELECT 'x:' || split_part(id, '-', 1), published_at, id FROM items WHERE id <> 'old'""",
    """INSERT INTO trend_5m
       SELECT 'entity', e.entity_id, date_bin('5 minutes', i.published_at,
                  TIMESTAMPTZ '2000-01-01 00:00+00'), 'en', count(*), count(*), count(*), 0, 0,
              sum(i.score), array_agg(DISTINCT i.source), array_agg(DISTINCT i.source)
       FROM items AS i JOIN item_entities AS e ON e.item_id = i.id GROUP BY 2, 3
       ON CONFLICT DO NOTHING""",
)


def main(
    series: Annotated[
        list[int] | None, typer.Option(min=100, help="Companies; once a size. [1000 10000 100000]")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Ticks of each size.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="JSON to write.")] = None,
) -> None:
    """Print the time of a tick, and the memory of this process, for each number of series."""
    rows = []
    columns = ("series", "alerts", "cold, s", "warm, s", "worst, s", "quiet, s", "MB", "server MB")
    table = Table(*columns)
    for count in series or _SIZES:
        cost = _measure(count, repeats)
        rows.append({"series": count, **asdict(cost)})
        shown = cost.cold_s, median(cost.warm_s), max(cost.warm_s), median(cost.quiet_s)
        table.add_row(
            f"{count:,}",
            f"{count // 100:,}",
            *(f"{took:.2f}" for took in shown),
            f"{cost.memory_mb:.0f}",
            f"{cost.server_mb:.0f}",
        )
    Console().print(table)
    if json_file:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Cost:
    """What ticks took.

    Attributes:
        cold_s: The first busy one.
        warm_s: Busy ones after it.
        quiet_s: Those that found nothing new.
        memory_mb: Most that this process ever held.
        server_mb: Most that the server's process held, with the shared buffers it touched.
    """

    cold_s: float
    warm_s: list[float]
    quiet_s: list[float]
    memory_mb: float
    server_mb: float


def _measure(series: int, repeats: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder))
        try:
            upgrade(postgres.url)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                for statement in _FILL:
                    connection.execute(statement, {"series": series, "now": _NOW})
        finally:
            postgres.stop()
        postgres = start_postgres(Path(folder))
        try:
            engine = create_engine(postgres.url, pool_size=1, statement_timeout_s=600)
            cold_s, _ = _ticks(engine, series)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("ANALYZE")
            warm = [_ticks(engine, series) for _ in range(repeats)]
            with transaction(engine) as session:
                server = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return Cost(
                cold_s,
                [busy for busy, _ in warm],
                [quiet for _, quiet in warm],
                peak_kb / 1024,
                _peak_kb(server) / 1024,
            )
        finally:
            postgres.stop()


def _peak_kb(pid: int) -> int:
    """Return the most memory that a process ever held; Linux tells it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _ticks(engine: Engine, series: int) -> tuple[float, float]:
    """Return the time of a busy and of a quiet tick; what they stored is taken back."""
    rules = load_rules()
    with transaction(engine) as session:
        session.execute(text("TRUNCATE alerts, detect_ranks CASCADE"))
        save_detect_state(session, DETECTOR, _BEFORE, {})
    started = time.perf_counter()
    with transaction(engine) as session:
        step = detect.tick(session, watermark=_NOW, rules=rules)
    took = time.perf_counter() - started
    assert step is not None  # noqa: S101  # a benchmark of nothing
    assert len(step.events) == series // 100  # noqa: S101
    # The alerts stay open, and an open one is looked at in each tick: away with them.
    with transaction(engine) as session:
        state = detect_state(session, DETECTOR)
        assert state is not None  # noqa: S101
        save_detect_state(session, DETECTOR, _NOW, {}, state["seen"])
        session.execute(text("TRUNCATE alerts CASCADE"))
    started = time.perf_counter()
    with transaction(engine) as session:
        detect.tick(session, watermark=_NOW + timedelta(seconds=2), rules=rules)
    return took, time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
