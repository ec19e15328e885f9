"""How well copies and stories are told: B-cubed on labelled headlines, and pairs judged by hand.

``suites/copies_svb.csv`` says of 300 pairs of items of the recorded stream whether the later one
is a copy of the earlier; ``benchmarks/README.md`` has the rule. The texts are their publishers'
and are read from the recording.
"""

import csv
import gzip
import json
import random
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from alerts.accounts.assign import Placer, Telling
from alerts.accounts.copies import is_copy, read_text
from alerts.accounts.vectors import pack
from benchmarks.common import SHARED_DATA, SUITES, Row, about, analyse, load, save, show_table
from models.labels import Classifier
from pipeline.cli.fail import WRONG_USE, fail
from pipeline.messages import Limits, NewsItem, item_id
from pipeline.sources.replay import Lines, SourceError

SUITE = SUITES / "copies_svb.csv"
HEADLINES = SHARED_DATA / "stories/uci_business.jsonl.gz"
STREAM = SHARED_DATA / "stream/svb_credit_suisse_2023.jsonl.gz"
_HEAVY_TAIL = 0.8
_COUNTS = ("rows", "stories", "items_per_s")


@dataclass(frozen=True, slots=True)
class Score:
    """Precision and recall, each in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Return their harmonic mean; 0 where both are."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def bcubed(told: Sequence[Hashable], truth: Sequence[Hashable]) -> Score:
    """Compare two groupings of the same items, at least one.

    Reference:
        A. Bagga and B. Baldwin (1998), "Entity-based cross-document coreferencing".
    """
    together = Counter(zip(told, truth, strict=True))
    in_told, in_truth = Counter(told), Counter(truth)
    return Score(
        sum(n * n / in_told[group] for (group, _), n in together.items()) / len(told),
        sum(n * n / in_truth[group] for (_, group), n in together.items()) / len(told),
    )


def score_pairs(told: Sequence[bool], truth: Sequence[bool]) -> Score:
    """Compare what was said of pairs with what is true; no pair told is precision 1."""
    both = sum(a and b for a, b in zip(told, truth, strict=True))
    called, copies = sum(told), sum(truth)
    return Score(both / called if called else 1.0, both / copies if copies else 1.0)


@dataclass(frozen=True, slots=True)
class Headline:
    """A labelled headline.

    Attributes:
        vector: What the model gives it, as it is kept; empty from one that gives none.
    """

    at: datetime
    title: str
    story: str
    vector: bytes


def read_headlines(
    path: Path, first: int, last: int | None, classifier: Classifier
) -> list[Headline]:
    """Return the rows from ``first`` up to ``last``.

    Raises:
        typer.Exit: If there are none.
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, first, last)]
    if not rows:
        raise fail(f"{path} has no rows from {first} on", status=WRONG_USE)
    analyses = analyse(classifier, [row["title"] for row in rows], "reading headlines")
    return [
        Headline(
            datetime.fromisoformat(row["published_at"]),
            row["title"],
            row["story"],
            pack(analysis.story_vector),
        )
        for row, analysis in zip(rows, analyses, strict=True)
    ]


def mixed(headlines: Sequence[Headline], rng: random.Random) -> list[Headline]:
    """Return them shuffled within each day."""
    days: dict[date, list[Headline]] = defaultdict(list)
    for headline in headlines:
        days[headline.at.date()].append(headline)
    return [one for _, day in sorted(days.items()) for one in rng.sample(day, len(day))]


def thinned(headlines: Sequence[Headline], rng: random.Random) -> list[Headline]:
    """Return some of each story, of most stories one or two, shuffled within each day."""
    stories: dict[str, list[Headline]] = defaultdict(list)
    for headline in headlines:
        stories[headline.story].append(headline)
    kept = [
        one
        for story in stories.values()
        for one in rng.sample(story, min(len(story), int(rng.paretovariate(_HEAVY_TAIL))))
    ]
    return mixed(sorted(kept, key=lambda one: one.at), rng)


def score_stories(rows: Sequence[Headline]) -> tuple[Score, Row]:
    """Place headlines one after another and score their stories."""
    placer = Placer()
    started = time.perf_counter()
    told = [
        placer.place(
            Telling(str(n), row.at, row.title, read_text(row.title, ""), row.vector), number=n
        ).story
        for n, row in enumerate(rows)
    ]
    seconds = time.perf_counter() - started
    score = bcubed(told, [row.story for row in rows])
    more = {
        "rows": len(rows),
        "stories": len(set(told)),
        "items_per_s": round(len(rows) / seconds),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return score, more


def score_copies(suite: Path, stream: Path) -> tuple[Score, list[Row]]:
    """Judge the pairs of the suite and score what was said.

    Raises:
        typer.Exit: If the stream cannot be read or does not hold them all.
    """
    with suite.open(encoding="utf-8", newline="") as lines:
        pairs = list(csv.DictReader(lines))
    wanted = {pair[end] for pair in pairs for end in ("earlier", "later")}
    try:
        texts = {
            item_id(record): read_text(record.title, record.body)
            for record in Lines(stream, Limits()).records()
            if isinstance(record, NewsItem) and item_id(record) in wanted
        }
    except SourceError as error:
        raise fail(str(error), status=WRONG_USE) from error
    if missing := wanted - texts.keys():
        raise fail(f"{stream} lacks {len(missing)} of the items", status=WRONG_USE)
    told = [is_copy(texts[pair["later"]], texts[pair["earlier"]]) for pair in pairs]
    truth = [pair["copy"] == "1" for pair in pairs]
    wrong = [
        dict(pair) for pair, said, true in zip(pairs, told, truth, strict=True) if said != true
    ]
    return score_pairs(told, truth), wrong


def main(
    headlines: Annotated[Path, typer.Option(help="Labelled headlines (docs/data.md).")] = HEADLINES,
    stream: Annotated[Path, typer.Option(help="The recording of March 2023.")] = STREAM,
    first: Annotated[int, typer.Option(min=0, help="First row of the headlines.")] = 10_000,
    last: Annotated[int | None, typer.Option(help="Row to stop before; 0: to the end.")] = 16_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    path: Annotated[
        str, typer.Option("--path", "--model", envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Measure stories by B-cubed and copies by precision and recall: a Markdown table.

    Stories in three orders: as the file has them, story by story; shuffled within each day; and
    thinned, most of them to an account or two, as in a live stream.
    """
    for needed in (headlines, stream):
        if not needed.is_file():
            raise fail(f"there is no {needed}: see docs/data.md", status=WRONG_USE)
    classifier = load(path)
    rows = read_headlines(headlines, first, last or None, classifier)
    rng = random.Random(0)  # noqa: S311 - an order, no secret
    orders = {"in the file's order": rows, "mixed": mixed(rows, rng), "thinned": thinned(rows, rng)}
    scored = {f"stories, {name}": score_stories(order) for name, order in orders.items()}
    copies, wrong = score_copies(SUITE, stream)
    show_table(
        f"Headlines from row {first} on, {classifier.version}",
        ("", "rows", "stories", "a second", "precision", "recall", "F1"),
        [
            *(
                [name, *(more[key] for key in _COUNTS), score.precision, score.recall, score.f1]
                for name, (score, more) in scored.items()
            ),
            ["copies, 300 pairs", "", "", "", copies.precision, copies.recall, copies.f1],
        ],
    )
    found = {
        name: {**more, **asdict(score), "f1": score.f1} for name, (score, more) in scored.items()
    }
    pairs = {**asdict(copies), "f1": copies.f1, "wrong": wrong}
    save(json_file, {**about(classifier), "first": first, **found, "copies": pairs})


if __name__ == "__main__":
    typer.run(main)
