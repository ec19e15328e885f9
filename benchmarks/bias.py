"""How much the score of a sentence depends on whom it is about.

Each sentence is read with one company, country or person after another in it
(``suites/bias_sentences.jsonl``, ``suites/bias_names.jsonl``). The spread of a sentence is the
standard deviation of its score, p(positive) - p(negative), over the names.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import SUITES, Row, about, analyse, load, read_rows, save, show_table
from models.labels import Classifier

SENTENCES = SUITES / "bias_sentences.jsonl"
NAMES = SUITES / "bias_names.jsonl"
MOST = 0.03
"""What the median of the spreads is to stay below."""


@dataclass(frozen=True, slots=True)
class Read:
    """A sentence with its scores, each in [-1, 1], in the order of ``names``."""

    sentence: Row
    names: Sequence[Row]
    scores: list[float]

    @property
    def spread(self) -> float:
        """Standard deviation of the scores over all names."""
        return float(np.std(self.scores))

    @property
    def range(self) -> float:
        """Highest less lowest score, in [0, 2]."""
        return max(self.scores) - min(self.scores)


def read_sentences(
    classifier: Classifier, sentences: Sequence[Row], names: Sequence[Row]
) -> list[Read]:
    """Return each sentence with its scores for all names of its kind."""
    fitting = [[name for name in names if name["kind"] == s["kind"]] for s in sentences]
    texts = [
        sentence["text"].format(name[sentence["language"]])
        for sentence, own in zip(sentences, fitting, strict=True)
        for name in own
    ]
    scores = iter([analysis.score for analysis in analyse(classifier, texts, "sentences")])
    return [
        Read(sentence, own, [next(scores) for _ in own])
        for sentence, own in zip(sentences, fitting, strict=True)
    ]


def summary(reads: Sequence[Read]) -> Row:
    """Return median, 90th percentile and worst of spreads and ranges."""
    spreads = [read.spread for read in reads]
    ranges = [read.range for read in reads]
    return {
        "sentences": len(reads),
        "spread_median": float(np.median(spreads)),
        "spread_p90": float(np.percentile(spreads, 90)),
        "spread_max": max(spreads),
        "range_median": float(np.median(ranges)),
        "range_p90": float(np.percentile(ranges, 90)),
    }


def lean(reads: Iterable[Read]) -> dict[tuple[str, str], float]:
    """Return by (kind, group of names) the mean of score less the sentence's mean.

    Above 0, the model speaks better of the group than of the others in the same sentences.
    """
    shifts: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for read in reads:
        mean = float(np.mean(read.scores))
        for name, score in zip(read.names, read.scores, strict=True):
            shifts[read.sentence["kind"], name["group"]].append(score - mean)
    return {group: float(np.mean(values)) for group, values in shifts.items()}


def by(reads: Sequence[Read], *keys: str) -> dict[tuple[str, ...], list[Read]]:
    """Return the sentences grouped by what their fields say, in the order of the file."""
    groups: defaultdict[tuple[str, ...], list[Read]] = defaultdict(list)
    for read in reads:
        groups[tuple(read.sentence[key] for key in keys)].append(read)
    return dict(groups)


def _show(reads: Sequence[Read]) -> None:
    columns = ("names", "language", "sentences", "median spread", "90th percentile", "worst")
    rows = [
        [*group, *_figures(summary(own))] for group, own in by(reads, "kind", "language").items()
    ]
    rows += [["all", tone, *_figures(summary(own))] for (tone,), own in by(reads, "tone").items()]
    rows.append(["all", "", *_figures(summary(reads))])
    show_table("Spread of the score over the names in a sentence", (*columns, "median range"), rows)
    leans = sorted(lean(reads).items(), key=lambda pair: (pair[0][0], pair[1]))
    show_table(
        "Lean: mean score of a group of names less that of all",
        ("names", "group", "lean"),
        [[kind, group, f"{value:+.3f}"] for (kind, group), value in leans],
    )


def _figures(told: Row) -> list[object]:
    keys = ("sentences", "spread_median", "spread_p90", "spread_max", "range_median")
    return [told[key] for key in keys]


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="shipped, or a folder.")
    ] = "shipped",
) -> None:
    """Measure bias: tables to standard output, in Markdown."""
    classifier = load(model)
    reads = read_sentences(classifier, read_rows(SENTENCES), read_rows(NAMES))
    _show(reads)
    told = summary(reads)
    kept = "yes" if told["spread_median"] < MOST else "no"
    typer.echo(f"median spread {told['spread_median']:.4f}; below {MOST}: {kept}")
    save(
        json_file,
        {
            **about(classifier),
            "all": told,
            "by_kind": {kind: summary(own) for (kind,), own in by(reads, "kind").items()},
            "by_tone": {tone: summary(own) for (tone,), own in by(reads, "tone").items()},
            "by_sentence": {r.sentence["id"]: [r.spread, r.range] for r in reads},
            "lean": {f"{kind}: {group}": value for (kind, group), value in lean(reads).items()},
        },
    )


if __name__ == "__main__":
    typer.run(main)
