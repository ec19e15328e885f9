"""How fast the desk's pages are on a large database, at the server and in Chromium.

    python -m benchmarks.page --items 1000000

starts an embedded PostgreSQL in a temporary folder, fills it with invented rows, serves the
desk from this process, and asks for each page several times. The first answer of all counts as
the first view: the database has just started and its caches are empty of ours.
"""

import tempfile
import time
from pathlib import Path
from shutil import which
from statistics import median
from typing import Annotated

import httpx
import psycopg
import typer

from db.migrate import upgrade
from pipeline.demo.embedded import start_postgres
from pipeline.settings import Settings
from tests.desk_server import serving

_KEY = "benchmark-key-of-no-value"
_DAYS = 30
_BUCKET = "date_bin('5 minutes', i.published_at, TIMESTAMPTZ '2000-01-01 00:00+00')"
_COUNTS = """
    count(*), count(*) FILTER (WHERE i.copy_of IS NULL),
    count(*) FILTER (WHERE i.copy_of IS NULL AND i.sentiment = 'negative'),
    count(*) FILTER (WHERE i.copy_of IS NULL AND i.sentiment = 'neutral'),
    count(*) FILTER (WHERE i.copy_of IS NULL AND i.sentiment = 'positive'),
    coalesce(sum(i.score) FILTER (WHERE i.copy_of IS NULL), 0),
    coalesce(array_agg(DISTINCT i.source) FILTER (WHERE i.copy_of IS NULL), '{}'),
    coalesce(array_agg(DISTINCT i.source) FILTER (
        WHERE i.copy_of IS NULL AND i.sentiment = 'negative'), '{}')
"""
# Companies, sources and tones are skewed as in real news: few are in most of it.
_FILL = (
    "SELECT setseed(0.5)",
    """INSERT INTO entities SELECT 'us:C' || n, 'Company ' || n, 'company'
       FROM generate_series(0, 1999) AS n""",
    "INSERT INTO topics SELECT 'topic_' || n FROM generate_series(0, 14) AS n",
    """INSERT INTO items (id, published_at, title, body, source, url, language, text_hash,
           p_negative, p_neutral, p_positive, sentiment, score, model, copy_of, is_relevant)
       SELECT 'i' || n, TIMESTAMPTZ '2026-03-01 00:00+00' + n * (%(days)s * INTERVAL '1 day')
               / %(items)s,
           'Invented title number ' || n || ' about a company and its results',
           repeat('An invented sentence of some length. ', 12),
           'source ' || floor(60 * random() ^ 2), 'https://example.com/' || n,
           CASE WHEN n %% 5 = 0 THEN 'zh' ELSE 'en' END, 'h' || n,
           CASE WHEN tone < 0.2 THEN 0.7 ELSE 0.1 END, 0.2, 0.1,
           CASE WHEN tone < 0.2 THEN 'negative' WHEN tone < 0.75 THEN 'neutral'
                ELSE 'positive' END,
           0.5 - tone, 'benchmark', CASE WHEN n %% 7 = 0 THEN 'i' || (n - 1) END, true
       FROM (SELECT n, random() AS tone FROM generate_series(1, %(items)s) AS n) AS told""",
    """INSERT INTO item_entities (entity_id, published_at, item_id)
       SELECT 'us:C' || floor(2000 * random() ^ 3), published_at, id FROM items""",
    """INSERT INTO item_topics (topic, published_at, item_id, probability)
       SELECT 'topic_' || floor(15 * random()), published_at, id, 0.9 FROM items""",
    *(
        f"INSERT INTO trend_5m SELECT {scope}, {_BUCKET}, i.language, {_COUNTS} "  # noqa: S608
        f"FROM items AS i {joined} GROUP BY 1, 2, 3, 4"
        for scope, joined in (
            ("'market', 'all'", ""),
            ("'entity', m.entity_id", "JOIN item_entities AS m ON m.item_id = i.id"),
            ("'topic', m.topic", "JOIN item_topics AS m ON m.item_id = i.id"),
        )
    ),
    """INSERT INTO source_slots
       SELECT date_bin('5 minutes', published_at, TIMESTAMPTZ '2001-01-01 00:00+00'), source,
           count(*), max(published_at)
       FROM items GROUP BY 1, 2""",
    """INSERT INTO partition_progress
       SELECT 'news.raw.v1', 0, count(*), max(published_at) FROM items""",
    """INSERT INTO alerts SELECT gen_random_uuid(), 'negative_spike', 'entity', 'us:C' || n,
           'Company ' || n, CASE WHEN n %% 3 = 0 THEN 'critical' ELSE 'warning' END, 'firing', 1,
           now.at, now.at, NULL, now.at - INTERVAL '4 hours', now.at, 9 + n, 1.5, 30, 20, 3, 6,
           '{en}'
       FROM generate_series(0, 7) AS n,
           LATERAL (SELECT TIMESTAMPTZ '2026-03-30 18:00+00'
               + n * INTERVAL '17 minutes') AS now(at)""",
)
_FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_PAGES = {
    "what fires now": "/desk",
    "the list": "/desk/series",
    "a search": "/desk/series?q=company+19",
    "a busy company": "/desk/series/entity/us:C0",
    "the market": "/desk/series/market/all",
}


def main(
    *,
    items: Annotated[int, typer.Option(min=1000, help="Items to fill in.")] = 1_000_000,
    repeats: Annotated[int, typer.Option(min=1, help="Requests for each page.")] = 10,
) -> None:
    """Measure the desk's pages."""
    with tempfile.TemporaryDirectory(prefix="tapewatch-page-") as folder:
        server = start_postgres(Path(folder) / "cluster")
        try:
            upgrade(server.url)
            seconds = _fill(server.url, items)
            typer.echo(f"{items:,} items filled in within {seconds:.0f} s\n", err=True)
            server.stop()
            server = start_postgres(Path(folder) / "cluster")
            settings = Settings.model_validate(
                {"database": {"url": server.url}, "web": {"api_key": _KEY}}
            )
            with serving(settings) as address:
                figures = _measure(address, repeats)
        finally:
            server.stop()
    typer.echo(
        "| page | first, ms | median, ms | slowest after, ms |\n| --- | ---: | ---: | ---: |"
    )
    for row in figures:
        typer.echo(f"| {' | '.join(map(str, row))} |")


def _fill(url: str, items: int) -> float:
    started = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _FILL:
            # Doubled per cent signs need parameters, whether a statement has any or not.
            connection.execute(statement.encode(), {"items": items, "days": _DAYS})
        connection.execute("VACUUM ANALYZE")
    return time.perf_counter() - started


def _measure(address: str, repeats: int) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/desk/login", data={"key": _KEY})
        for name, page in _PAGES.items():
            times = []
            for _ in range(repeats + 1):
                started = time.perf_counter()
                answer = client.get(page)
                times.append(1000 * (time.perf_counter() - started))
                answer.raise_for_status()
            rows.append((name, *_ms(times)))
    browser = which("chromium")
    if browser:
        rows.append(_in_browser(browser, address, repeats))
    else:
        typer.echo("no Chromium here: only the server was measured", err=True)
    return rows


def _in_browser(browser: str, address: str, repeats: int) -> tuple[object, ...]:
    """Measure from the request to the last paint of the first page, in a new profile."""
    from playwright.sync_api import sync_playwright

    times = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(f"{address}/desk/login#key={_KEY}")
        page.wait_for_url("**/desk")
        for _ in range(repeats + 1):
            page.goto(f"{address}/desk", wait_until="load")
            painted = page.wait_for_function(_FIRST_PAINT)  # may come after the load
            times.append(painted.json_value())
        chromium.close()
    return ("what fires now, painted in Chromium", *_ms(times))


def _ms(times: list[float]) -> tuple[int, int, int]:
    return round(times[0]), round(median(times[1:])), round(max(times[1:]))


if __name__ == "__main__":
    typer.run(main)
