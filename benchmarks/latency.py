"""From a message's production to its row, and to its alert, at shares of what a worker can do.

    python -m benchmarks.latency --json out.json

The rate of a full worker is measured first, on a topic that holds the items already. Then items are
produced at a steady share of it; in the middle of each an invented company has a crisis. Detection
waits for no late items here (``lateness_s`` is 0), which it does for two minutes by default.
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from cryptography.fernet import Fernet

from benchmarks.chain import Chain, ChainError, Servers, key_of, read_items, servers
from benchmarks.common import SHARED_DATA, Row, about, load, save, say, show_table
from benchmarks.end_to_end import chain_rate
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import NewsItem
from pipeline.sources.replay import SourceError

STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"
SHARES = (0.1, 0.5, 0.8)
_TICK_S = 2.0  # the default of the settings
_MOST_S = 120.0
_HISTORY = 600
_COMPANIES = ("Vornholt Bancorp", "Quillmere Bancorp", "Astermoor Bancorp")
_CRISIS = (
    "{} shares crash as depositors rush to withdraw",
    "Regulator says {} may be insolvent after losses",
    "{} halts trading, rating cut to junk on default fears",
    "Run on {}: customers queue to pull out deposits",
    "{} collapse feared as its bonds plunge to a record low",
    "Investors sue {} over fraud and hidden losses",
)


def send(chain: Chain, items: Sequence[NewsItem], rate: float) -> dict[str, datetime]:
    """Produce items at a steady rate, dated by the wall clock; return when each id was sent."""
    producer = chain.producer()
    sent: dict[str, datetime] = {}
    started = time.monotonic()
    for number, item in enumerate(items):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        at = datetime.now(UTC)
        dated = item.model_copy(update={"published_at": at, "id": f"{item.id} {at.timestamp()}"})
        sent[str(dated.id)] = at
        producer.send(chain.kafka.raw_topic, key=key_of(dated), value=dated.to_bytes())
    producer.flush(30)
    producer.close()
    return sent


def bad_news(company: str) -> list[NewsItem]:
    """Return a company's crisis as six outlets tell it."""
    return [
        NewsItem(
            published_at=datetime.now(UTC),
            title=title.format(company),
            source=f"outlet {number}",
            id=f"{company} {number}",
        )
        for number, title in enumerate(_CRISIS)
    ]


def waits_of_rows(chain: Chain, sent: Mapping[str, datetime]) -> list[float]:
    """Return the seconds from production to the row's commit of each item."""
    stored = chain.query("SELECT id, pg_xact_commit_timestamp(xmin) FROM items")
    return [
        (at - sent[item_id]).total_seconds()
        for item_id, at in stored
        if isinstance(item_id, str) and isinstance(at, datetime) and item_id in sent
    ]


def wait_of_alert(chain: Chain, number: int) -> float | None:
    """Return the seconds from the item on which a company's alert fired to the alert's commit."""
    until = time.monotonic() + _MOST_S
    while time.monotonic() < until:
        found = chain.query(
            "SELECT a.fired_at, pg_xact_commit_timestamp(e.xmin) FROM alert_events AS e"
            " JOIN alerts AS a ON a.id = e.alert_id WHERE e.type = 'alert.fired'"
            " AND a.scope_id = %s",
            f"bench-{number}",
        )
        for fired_at, at in found:
            if isinstance(fired_at, datetime) and isinstance(at, datetime):
                return (at - fired_at).total_seconds()
        time.sleep(0.1)
    return None


def measure(
    chain: Chain, items: Sequence[NewsItem], *, full_rate: float, seconds: float
) -> list[Row]:
    """Return the waits at each share of the full rate."""
    past = datetime.now(UTC) - timedelta(days=3)
    step = timedelta(days=3) / _HISTORY
    chain.preload(
        [
            item.model_copy(update={"published_at": past + number * step})
            for number, item in enumerate(items[:_HISTORY])
        ]
    )
    rows: list[Row] = []
    with chain.service("worker") as worker, chain.service("scheduler"):
        worker.wait(lambda: chain.dealt_with() >= _HISTORY, wait_s=_MOST_S)
        rest = items[_HISTORY:]
        for number, share in enumerate(SHARES):
            rate = share * full_rate
            count = int(rate * seconds)
            say(f"{count} items at {rate:.0f} a second")
            usual, rest = rest[:count], rest[count:]
            half = count * 3 // 4
            crisis = bad_news(_COMPANIES[number])
            sent = send(chain, [*usual[:half], *crisis, *usual[half:]], rate)
            alert_s = wait_of_alert(chain, number)
            waits = sorted(waits_of_rows(chain, sent))
            p50, p95, p99 = (waits[int(share * len(waits))] for share in (0.5, 0.95, 0.99))
            rows.append(
                {"load": share, "rate": rate, "row_p50_s": p50, "row_p95_s": p95, "row_p99_s": p99}
                | {"alert_s": alert_s, "items": len(waits)}
            )
    return rows


def prepared(running: Servers, model: str) -> Chain:
    """Return a chain that knows the invented companies and waits for no late items."""
    rules = running.folder / "rules.toml"
    rules.write_text(
        '[[rules]]\nname = "all"\nentities = "all"\nmin_negative = 3\nmin_sources = 2\n',
        encoding="utf-8",
    )
    companies = running.folder / "companies.csv"
    lines = [f"bench-{number},{name},{name}" for number, name in enumerate(_COMPANIES)]
    companies.write_text("\n".join(["id,name,aliases", *lines]) + "\n", encoding="utf-8")
    return running.fresh(
        TAPEWATCH_MODEL__PATH=model,
        TAPEWATCH_MODEL__COMPANIES=json.dumps([str(companies)]),
        TAPEWATCH_DETECT__RULES=str(rules),
        TAPEWATCH_DETECT__LATENESS_S="0",
        TAPEWATCH_SECRET_KEY=Fernet.generate_key().decode(),
    )


def main(
    stream: Annotated[Path, typer.Option(help="A recording (docs/data.md).")] = STREAM,
    seconds: Annotated[float, typer.Option(min=10, help="How long each share lasts.")] = 60,
    runs: Annotated[int, typer.Option(min=1, help="Runs.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Measure how long an item takes to its row and to its alert."""
    try:
        items = read_items(stream, 60_000, skip=5_000)
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    found: list[Row] = []
    try:
        with servers() as running:
            full_rate = chain_rate(running.fresh(TAPEWATCH_MODEL__PATH=model), items[:3000])
            for number in range(runs):
                say(f"run {number + 1} of {runs}")
                chain = prepared(running, model)
                found += measure(chain, items, full_rate=full_rate, seconds=seconds)
    except ChainError as error:
        raise fail(str(error)) from error
    columns = ("load", "items/s", "row p50, s", "row p95, s", "row p99, s", "alert, s", "items")
    show_table(
        f"a tick of {_TICK_S:.0f} s, full rate {full_rate:.0f} items/s",
        columns,
        [list(row.values()) for row in found],
    )
    at_half = [row["row_p95_s"] for row in found if row["load"] == 0.5]
    save(
        json_file,
        {"full_rate": full_rate, "row_p95_s_at_half": median(at_half), "runs": found}
        | about(load(model)),
    )


if __name__ == "__main__":
    typer.run(main)
