"""Whether a worker stays as it is: memory, lag and latency at a steady load.

    python -m benchmarks.soak --minutes 60 --json out.json

sends recorded news, dated by the clock, at a share of what a worker keeps up with beside the
producer and the broker, and looks at it every ten seconds. Messages share batches, and there is one
partition: the embedded broker goes through all batches of a partition for each fetch.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer

from benchmarks.chain import Chain, ChainError, Service, key_of, read_items, servers
from benchmarks.common import SHARED_DATA, Row, about, load, save, say, show_table
from benchmarks.end_to_end import chain_rate
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import NewsItem
from pipeline.offsets import OffsetReader
from pipeline.sources.replay import SourceError

STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"
_LOOK_EVERY_S = 10.0
_LINGER_MS = 200
_LIVE_S = 60.0
_TOO_MUCH = 1.1
_MOST_S = 120.0
_QUARTERS = 4


@contextmanager
def sending(chain: Chain, items: Sequence[NewsItem], rate: float) -> Iterator[None]:
    """Produce items without end, at a steady rate, while the block runs."""
    stop = threading.Event()

    def run() -> None:
        producer = chain.producer(linger_ms=_LINGER_MS)
        started = time.monotonic()
        for number, item in enumerate(cycle(items)):
            if stop.wait(max(0.0, started + number / rate - time.monotonic())):
                break
            # The round's number: nothing repeats an earlier round word for word.
            title = f"{item.title} {number // len(items)}"
            new = {"published_at": datetime.now(UTC), "id": str(number), "title": title}
            sent = item.model_copy(update=new)
            producer.send(chain.kafka.raw_topic, key=key_of(sent), value=sent.to_bytes())
        producer.flush(30)
        producer.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def live_rate(chain: Chain, items: Sequence[NewsItem], more_than: float) -> float:
    """Return the items/s that a worker stores while more come than it can store.

    Args:
        chain: A fresh one.
        items: Are sent over and over.
        more_than: Items/s of a worker on a topic that is full already, which is the most.
    """
    with chain.service("worker") as worker, sending(chain, items, _TOO_MUCH * more_than):
        worker.wait(lambda: chain.dealt_with() > 0, wait_s=_MOST_S)
        time.sleep(_LOOK_EVERY_S)
        started, before = time.monotonic(), chain.dealt_with()
        time.sleep(_LIVE_S)
        return (chain.dealt_with() - before) / (time.monotonic() - started)


def memory_mb(service: Service) -> float:
    """Return the resident memory of a process; Linux only."""
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def watch(chain: Chain, worker: Service, minutes: float) -> list[Row]:
    """Return memory, lag and latency, every ten seconds."""
    rows: list[Row] = []
    until = time.monotonic() + minutes * 60
    started = datetime.now(UTC)
    with OffsetReader(chain.kafka) as offsets:
        while time.monotonic() < until:
            worker.must_run()
            time.sleep(_LOOK_EVERY_S)
            ends = sum(offsets.end_offsets(chain.kafka.raw_topic).values())
            [(p95,)] = chain.query(
                "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM"
                " pg_xact_commit_timestamp(xmin) - published_at))::float8 FROM items"
                " WHERE published_at > now() - INTERVAL '15 s'"
            )
            rows.append(
                {
                    "after_s": (datetime.now(UTC) - started).total_seconds(),
                    "memory_mb": memory_mb(worker),
                    "lag": ends - chain.dealt_with(),
                    "row_p95_s": p95,
                }
            )
    return rows


def quarters(rows: Sequence[Row]) -> list[Row]:
    """Return the means of each quarter of the time."""
    size = max(len(rows) // _QUARTERS, 1)
    parts = [rows[at * size : (at + 1) * size] for at in range(_QUARTERS)]
    return [
        {
            key: mean([row[key] for row in part if row[key] is not None] or [float("nan")])
            for key in ("memory_mb", "lag", "row_p95_s")
        }
        for part in parts
    ]


def main(
    stream: Annotated[Path, typer.Option(help="A recording (docs/data.md).")] = STREAM,
    minutes: Annotated[float, typer.Option(min=1, help="How long.")] = 60,
    share: Annotated[float, typer.Option(min=0.05, max=1, help="Of what it keeps up with.")] = 0.8,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Watch one worker under a steady load."""
    try:
        items = read_items(stream, 60_000)
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    try:
        with servers() as running:
            preloaded = chain_rate(running.fresh(TAPEWATCH_MODEL__PATH=model), items[:3000])
            live, chain = (
                running.fresh(partitions=1, TAPEWATCH_MODEL__PATH=model) for _ in range(2)
            )
            full_rate = live_rate(live, items, preloaded)
            with chain.service("worker") as worker, sending(chain, items, share * full_rate):
                say(f"{share * full_rate:.0f} items/s for {minutes} minutes")
                rows = watch(chain, worker, minutes)
    except ChainError as error:
        raise fail(str(error)) from error
    by_quarter = quarters(rows)
    # The first quarter holds the start: caches fill, 72 hours of accounts gather.
    growth = by_quarter[-1]["memory_mb"] / by_quarter[1]["memory_mb"] - 1
    show_table(
        f"{minutes} minutes at {share:.0%} of {full_rate:.0f} items/s; growth {growth:.1%}",
        ("quarter", "memory, MB", "lag", "row p95, s"),
        [(number + 1, *row.values()) for number, row in enumerate(by_quarter)],
    )
    result = {"rate": share * full_rate, "memory_growth": growth, "quarters": by_quarter}
    save(json_file, {**result, "rows": rows, **about(load(model))})


if __name__ == "__main__":
    typer.run(main)
