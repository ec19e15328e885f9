"""The rate of the whole chain against that of the bare model, and of a naive loop.

    python -m benchmarks.end_to_end --json out.json

starts a broker and a PostgreSQL on this machine. In each run, one after the other: the bare
classifier on the texts of recorded news; one worker on a topic that holds these items, without and
with the analysis of copies taken from what they repeat; and what one writes in an afternoon: a
kafka-python loop, float32, one text a forward pass and one INSERT a message, on fewer items.
"""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import psycopg
import torch
import typer
from kafka import KafkaConsumer

from benchmarks.chain import Chain, ChainError, Servers, read_items, servers
from benchmarks.common import SHARED_DATA, Row, about, load, save, say, show_table
from models.loading import load_classifier, load_model
from models.transformer import TransformerClassifier
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import NewsItem
from pipeline.sources.replay import SourceError
from pipeline.stages.text import text_of

STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"
_BUDGETS = (1024, 2048, 8192)
_CHUNK = 256
_MOST_S = 900.0
_WARM = 32


def bare_rate(classifier: TransformerClassifier, texts: Sequence[str], *, threads: int) -> float:
    """Return texts/s: all in one call, or parts of them in several threads."""
    started = time.perf_counter()
    if threads == 1:
        classifier.classify(texts)
    else:
        parts = [texts[at : at + _CHUNK] for at in range(0, len(texts), _CHUNK)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(classifier.classify, parts))
    return len(texts) / (time.perf_counter() - started)


def best_form(model: str, texts: Sequence[str]) -> tuple[TransformerClassifier, int]:
    """Return the classifier and the number of threads with which it is fastest."""
    found = []
    for budget in _BUDGETS:
        classifier = load_classifier(model, device="cpu", max_batch_tokens=budget)
        classifier.classify(texts[:_WARM])
        for threads in (1, 2):
            rate = bare_rate(classifier, texts, threads=threads)
            say(f"bare model, {budget} tokens a batch, {threads} thread(s): {rate:.0f} texts/s")
            found.append((rate, classifier, threads))
    _, classifier, threads = max(found, key=lambda one: one[0])
    return classifier, threads


def chain_rate(chain: Chain, items: Sequence[NewsItem]) -> float:
    """Return items/s of one worker, from the first to the last transaction that stored some.

    Those of the first transaction are not counted: its commit is the beginning.
    """
    chain.preload(items)
    with chain.service("worker") as worker:
        worker.wait(lambda: chain.dealt_with() >= len(items), wait_s=_MOST_S)
    [(stored, first, seconds)] = chain.query(
        "SELECT count(*)::int, count(*) FILTER (WHERE at = least)::int,"
        " extract(epoch FROM max(at) - min(at))::float8 FROM ("
        "SELECT at, min(at) OVER () AS least"
        " FROM items, pg_xact_commit_timestamp(items.xmin) AS at) AS committed"
    )
    rate = (int(str(stored)) - int(str(first))) / float(str(seconds))
    say(f"chain: {stored} items, {first} in the first transaction, {rate:.0f} items/s")
    return rate


def naive_rate(chain: Chain, items: Sequence[NewsItem], model: str) -> float:
    """Return items/s of the loop that one writes in an afternoon, with the same weights."""
    chain.preload(items)
    plain = load_model(model, device="cpu")
    labels = next(head.labels for head in plain.heads if head.name == "sentiment")
    consumer = KafkaConsumer(
        chain.kafka.raw_topic,
        bootstrap_servers=chain.kafka.bootstrap_servers,
        group_id="naive",
        auto_offset_reset="earliest",
    )
    done, started = 0, 0.0
    with psycopg.connect(chain.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE naive (title text, label text, score float8)")
        for message in consumer:
            item = json.loads(message.value)
            text = f"{item['title']}\n{item['body']}"
            tokens = plain.tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            with torch.no_grad():
                told = plain.forward(tokens["input_ids"], tokens["attention_mask"])
            share = told["sentiment"].softmax(-1)[0]
            best = int(share.argmax())
            connection.execute(
                "INSERT INTO naive VALUES (%s, %s, %s)",
                [item["title"], labels[best], float(share[best])],
            )
            done += 1
            started = started or time.perf_counter()
            if done == len(items):
                break
    seconds = time.perf_counter() - started
    consumer.close()
    return (done - 1) / seconds


def measure(
    running: Servers, items: Sequence[NewsItem], *, model: str, runs: int, naive: int
) -> list[Row]:
    """Return what each run gave; in a run the parts take turns."""
    texts = [text_of(item) for item in items]
    classifier, threads = best_form(model, texts[: 4 * _CHUNK])
    bare = partial(bare_rate, classifier, texts, threads=threads)
    found: list[Row] = []
    for number in range(runs):
        say(f"run {number + 1} of {runs}")
        row: Row = {"model_texts_per_s": bare()}
        chain = running.fresh(TAPEWATCH_MODEL__PATH=model, TAPEWATCH_WORKER__REUSE_COPIES="false")
        row["end_to_end_texts_per_s"] = chain_rate(chain, items)
        chain = running.fresh(TAPEWATCH_MODEL__PATH=model, TAPEWATCH_WORKER__REUSE_COPIES="true")
        row["with_reuse_texts_per_s"] = chain_rate(chain, items)
        [(row["copies"],)] = chain.query("SELECT count(copy_of)::int FROM items")
        row["naive_texts_per_s"] = naive_rate(running.fresh(), items[:naive], model)
        row["ratio_to_model"] = row["end_to_end_texts_per_s"] / row["model_texts_per_s"]
        row["ratio_of_reuse"] = row["with_reuse_texts_per_s"] / row["end_to_end_texts_per_s"]
        row["ratio_to_naive"] = row["end_to_end_texts_per_s"] / row["naive_texts_per_s"]
        found.append(row)
    return found


def main(
    stream: Annotated[Path, typer.Option(help="A recording (docs/data.md).")] = STREAM,
    count: Annotated[int, typer.Option(min=600, help="Items of a run.")] = 6000,
    skip: Annotated[int, typer.Option(min=0, help="Items left out at the beginning.")] = 20_000,
    naive: Annotated[int, typer.Option(min=16, help="Items of the naive loop.")] = 400,
    runs: Annotated[int, typer.Option(min=1, help="Runs.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Measure the chain, the bare model and a naive loop, in turns."""
    try:
        items = read_items(stream, count, skip=skip)
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    try:
        with servers() as running:
            rows = measure(running, items, model=model, runs=runs, naive=naive)
    except ChainError as error:
        raise fail(str(error)) from error
    result: Row = {name: median(row[name] for row in rows) for name in rows[0]}
    lines = [
        (name, round(result[name], 2), *(round(row[name], 2) for row in rows)) for name in result
    ]
    columns = ("", "median", *(f"run {number + 1}" for number in range(runs)))
    show_table(f"{len(items)} items", columns, lines)
    save(json_file, {**result, "items": len(items), "runs": rows, **about(load(model))})


if __name__ == "__main__":
    typer.run(main)
