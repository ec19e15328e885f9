"""What a tick of the detector costs with many series, the database included.

    python -m benchmarks.detect_scale --json out.json

starts an embedded PostgreSQL in a temporary folder and fills it with invented companies: each has
a history of four weeks and one negative account in the last hours, one in a hundred has three of
three sources. Two ticks of two seconds of event time are then measured: the first one walks all of
these and fires an alert on each, the next one finds nothing newly stored.
"""

import json
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from db.alerts import detect_state, save_detect_state
from db.engine import Engine, create_engine, transaction
from db.migrate import upgrade
from pipeline.demo.embedded import start_postgres
from pipeline.rules import load_rules
from pipeline.stages import detect
from pipeline.stages.alerting import DETECTOR

_NOW = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)
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
    "ANALYZE",
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
    table = Table("series", "alerts", "median tick, s", "worst, s", "quiet tick, s", "memory, MB")
    for count in series or _SIZES:
        times = _measure(count, repeats)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        busy, quiet = ([one[place] for one in times] for place in (0, 1))
        rows.append({"series": count, "tick_s": busy, "quiet_s": quiet, "memory_mb": peak})
        table.add_row(
            f"{count:,}",
            f"{count // 100:,}",
            f"{median(busy):.2f}",
            f"{max(busy):.2f}",
            f"{median(quiet):.2f}",
            f"{peak:.0f}",
        )
    Console().print(table)
    if json_file:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _measure(series: int, repeats: int) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder))
        try:
            url = postgres.url
            upgrade(url)
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in _FILL:
                    connection.execute(statement, {"series": series, "now": _NOW})
            engine = create_engine(url, statement_timeout_s=600)
            return [_ticks(engine, series) for _ in range(repeats)]
        finally:
            postgres.stop()


def _ticks(engine: Engine, series: int) -> tuple[float, float]:
    """Evaluate the last two seconds and the two after them; take it all back."""
    rules = load_rules()
    with transaction(engine) as session:
        session.execute(text("TRUNCATE alerts, detect_ranks CASCADE"))
        save_detect_state(session, DETECTOR, _NOW - timedelta(seconds=2), {})
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
