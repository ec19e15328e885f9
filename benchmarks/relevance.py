"""How well the classifier tells finance from other news in a stream of general feeds.

``suites/relevance_svb.csv`` says of 200 items of the recorded stream whether they concern finance,
judged by hand; ``benchmarks/README.md`` has the rule. The texts are their publishers' and are read
from the recording.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from scipy.stats import binomtest

from benchmarks.common import SHARED_DATA, SUITES, Row, about, analyse, load, save, show_table
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import Limits, NewsItem, item_id
from pipeline.sources.replay import Lines, SourceError
from pipeline.stages.text import text_of

SUITE = SUITES / "relevance_svb.csv"
STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the 95 % interval of Wilson."""

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the share, each in [0, 1]."""
        if self.whole == 0:
            return 0.0, 1.0
        bounds = binomtest(self.part, self.whole).proportion_ci(0.95, method="wilson")
        return float(bounds.low), float(bounds.high)

    @property
    def result(self) -> Row:
        """As JSON."""
        share = self.part / self.whole if self.whole else None
        return {"part": self.part, "whole": self.whole, "share": share, "interval": self.interval}

    def __str__(self) -> str:
        """As a cell of a table."""
        low, high = self.interval
        share = f"{100 * self.part / self.whole:.1f} %" if self.whole else "-"
        return f"{self.part} of {self.whole}: {share} ({100 * low:.1f} to {100 * high:.1f} %)"


@dataclass(frozen=True, slots=True)
class Figures:
    """What came out.

    Attributes:
        missed: Finance that was called irrelevant.
        let_in: The reverse.
    """

    missed: Share
    let_in: Share
    precision: Share
    recall: Share
    f1: float

    @property
    def result(self) -> Row:
        """As JSON."""
        shares = {
            name: getattr(self, name).result for name in ("missed", "let_in", "precision", "recall")
        }
        return {**shares, "f1": self.f1}


def read_suite(path: Path) -> dict[str, bool]:
    """Return whether each item concerns finance, by its id."""
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row["relevant"] == "1" for row in csv.DictReader(lines)}


def find_items(stream: Path, ids: frozenset[str]) -> dict[str, str]:
    """Return the texts of the items with these ids, as the worker would read them.

    Raises:
        typer.Exit: If the stream cannot be read or does not hold them all.
    """
    try:
        items = {
            item_id(record): text_of(record)
            for record in Lines(stream, Limits()).records()
            if isinstance(record, NewsItem) and item_id(record) in ids
        }
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    if len(items) < len(ids):
        missing = len(ids) - len(items)
        raise fail(f"{stream} lacks {missing} of the {len(ids)} items", status=WRONG_USE)
    return items


def compare(truth: Sequence[bool], told: Sequence[bool]) -> Figures:
    """Compare what is true of items with what the classifier says."""
    both = sum(a and b for a, b in zip(truth, told, strict=True))
    finance, called = sum(truth), sum(told)
    return Figures(
        missed=Share(finance - both, finance),
        let_in=Share(called - both, len(truth) - finance),
        precision=Share(both, called),
        recall=Share(both, finance),
        f1=2 * both / (finance + called) if finance + called else 0.0,
    )


def main(
    stream: Annotated[
        Path, typer.Option(help="The recording of March 2023 (docs/data.md).")
    ] = STREAM,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option("--path", "--model", envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Least probability that counts as finance.")
    ] = 0.5,
) -> None:
    """Measure how often finance is called irrelevant and the reverse: a Markdown table."""
    truth = read_suite(SUITE)
    texts = find_items(stream, frozenset(truth))
    classifier = load(model)
    ids = sorted(truth)
    analyses = analyse(classifier, [texts[key] for key in ids], "relevance")
    scores = [analysis.relevance for analysis in analyses]
    told = [score >= threshold for score in scores if score is not None]
    if len(told) < len(ids):
        raise fail(f"{classifier.version} does not tell relevance")
    figures = compare([truth[key] for key in ids], told)
    rows = [
        ["finance called irrelevant", figures.missed],
        ["other news called finance", figures.let_in],
        ["precision", figures.precision],
        ["recall", figures.recall],
        ["F1", figures.f1],
    ]
    show_table(f"Relevance of {len(ids)} items, threshold {threshold:g}", ("", "figure"), rows)
    items = [
        {"id": key, "relevant": truth[key], "probability": score}
        for key, score in zip(ids, scores, strict=True)
    ]
    save(
        json_file,
        {**about(classifier), "threshold": threshold, **figures.result, "items": items},
    )


if __name__ == "__main__":
    typer.run(main)
