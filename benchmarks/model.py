"""How many texts a second the classifier reads: number formats x tokens in a batch.

Titles with summaries of the recorded stream. With ``--against`` another encoder, one
head and float32 in torch, runs in the same rounds: a ratio survives a noisy machine.
"""

import random
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer
from transformers import AutoModel, AutoTokenizer

from benchmarks.common import SHARED_DATA, Row, about, load, save, say, show_table
from models.labels import Sentiment
from models.loading import load_classifier, load_model
from models.multihead import HeadKind, HeadSpec, MultiHeadModel
from models.transformer import TransformerClassifier
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import Limits, NewsItem
from pipeline.sources.replay import Lines, SourceError
from pipeline.stages.text import text_of

STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"
BUDGETS = (1024, 2048, 8192)

Build = Callable[[int], TransformerClassifier]
"""Padded tokens in a batch -> a classifier."""


def read_texts(stream: Path, count: int) -> list[str]:
    """Return a fixed sample of the stream's items that have a summary.

    Raises:
        typer.Exit: If the stream cannot be read.
    """
    try:
        records = Lines(stream, Limits()).records()
        texts = [text_of(r) for r in records if isinstance(r, NewsItem) and r.body]
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    return random.Random(5).sample(texts, min(count, len(texts)))  # noqa: S311 - no secret


def shipped_forms(model: str) -> dict[str, Build]:
    """Return how the model is built in each number format."""

    def torch_form(*, autocast: bool) -> Build:
        def build(budget: int) -> TransformerClassifier:
            plain = load_model(model, device="cpu")
            return TransformerClassifier(
                plain.forward,
                plain.tokenizer,
                plain.heads,
                version=plain.version,
                device=plain.device,
                max_batch_tokens=budget,
                autocast=autocast,
            )

        return build

    return {
        "float32, torch": torch_form(autocast=False),
        "bfloat16, torch": torch_form(autocast=True),
        "int8, OpenVINO": lambda budget: load_classifier(
            model, device="cpu", max_batch_tokens=budget
        ),
    }


def other_encoder(folder: Path) -> Build:
    """Return how another encoder is built: in float32, with one head that knows nothing."""

    def build(budget: int) -> TransformerClassifier:
        head = HeadSpec("sentiment", HeadKind.SINGLE, tuple(s.value for s in Sentiment))
        encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False).float()
        return TransformerClassifier(
            MultiHeadModel(encoder, (head,)).eval(),
            AutoTokenizer.from_pretrained(folder),
            (head,),
            version=folder.name,
            device=torch.device("cpu"),
            max_batch_tokens=budget,
            autocast=False,
        )

    return build


def measure(forms: dict[str, Build], texts: Sequence[str], rounds: int) -> list[Row]:
    """Return the rate of each form with each budget, in texts/s; the rounds take turns."""
    found: list[Row] = []
    built = {(n, b): forms[n](b) for n, b in product(forms, BUDGETS)}
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in built}
    for number in range(rounds):
        for key, classifier in built.items():
            say(f"round {number + 1} of {rounds}: {key[0]}, {key[1]} tokens")
            classifier.classify(texts[:16])
            start = time.perf_counter()
            classifier.classify(texts)
            rates[key].append(len(texts) / (time.perf_counter() - start))
    for (name, budget), values in rates.items():
        row = {"form": name, "batch_tokens": budget, "texts_per_s": median(values)}
        found.append(row | {"lowest": min(values), "highest": max(values)})
    return found


def main(
    stream: Annotated[Path, typer.Option(help="A recording (docs/data.md).")] = STREAM,
    against: Annotated[
        Path | None, typer.Option(help="Folder of another encoder.", exists=True)
    ] = None,
    count: Annotated[int, typer.Option(min=16, help="Texts of a round.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Measure the bare classifier, tokenisation and reading of the heads included."""
    texts = read_texts(stream, count)
    forms = shipped_forms(model)
    if against is not None:
        forms[f"{against.name}, float32, torch"] = other_encoder(against)
    rows = measure(forms, texts, rounds)
    best = {name: max(r["texts_per_s"] for r in rows if r["form"] == name) for name in forms}
    columns = ("", "tokens in a batch", "texts/s", "lowest", "highest")
    table = [[round(v, 1) if isinstance(v, float) else v for v in row.values()] for row in rows]
    show_table(f"{len(texts)} texts, median of {rounds}", columns, table)
    base = best[list(forms)[-1]] if against is not None else best["float32, torch"]
    ratios = {name: rate / base for name, rate in best.items()}
    show_table(
        f"At each one's best, against {base:.1f} texts/s", ("", "ratio"), list(ratios.items())
    )
    save(json_file, {**about(load(model)), "rates": rows, "ratios": ratios})


if __name__ == "__main__":
    typer.run(main)
