"""How well the classifier reads what small words turn round, and what should not matter.

A suite written for it (``suites/robustness.jsonl``), and real texts changed without changing what
they mean. ``docs/robustness.md`` says how both were made.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.common import (
    SHARED_DATA,
    SUITES,
    Row,
    about,
    analyse,
    load,
    percent,
    read_rows,
    save,
    say,
    show_table,
)
from benchmarks.perturbations import PERTURBATIONS
from models.evaluation.texts import Evaluated
from models.labels import Analysis, Probabilities, Sentiment

SUITE = SUITES / "robustness.jsonl"
MOST_CHANGED = 0.03
"""What the share of changed labels on tfns.test is to stay at or below, over all kinds."""
TEST_FILES = ("tfns.test.jsonl", "finfe_zh.test.jsonl")


@dataclass(slots=True)
class Tally:
    """How many of a kind were right; a pair is right when all of its items are.

    Attributes:
        failed: Ids of the items that were wrong.
    """

    items: int = 0
    failed: list[str] = field(default_factory=list)
    pairs: dict[str, bool] = field(default_factory=dict)

    def count(self, item: Row, passed: bool) -> None:
        """Add one item."""
        self.items += 1
        if not passed:
            self.failed.append(item["id"])
        if "pair" in item:
            self.pairs[item["pair"]] = self.pairs.get(item["pair"], True) and passed

    @property
    def result(self) -> Row:
        """As JSON."""
        return {
            "items": self.items,
            "passed": self.items - len(self.failed),
            "pairs": len(self.pairs),
            "pairs_passed": sum(self.pairs.values()),
            "failed": self.failed,
        }


def label_of(probabilities: Probabilities) -> Sentiment:
    """Return the most probable label."""
    return max(probabilities, key=lambda label: probabilities[label])


def passes(item: Row, analysis: Analysis) -> bool:
    """Whether an item of the suite was read as it should: towards each of its entities, if any."""
    if "entities" in item:
        told = [label_of(side) for side in analysis.span_sentiments]
        return told == [entity["sentiment"] for entity in item["entities"]]
    return analysis.sentiment in item["labels"]


def run_suite(classifier: Evaluated, items: Sequence[Row]) -> dict[tuple[str, str], Tally]:
    """Return a tally for each (kind, language) that the model has a head for, sorted."""
    if "entity_sentiment" not in classifier.heads:
        say("the model tells no sentiment towards entities: their contrasts are left out")
        items = [item for item in items if "entities" not in item]
    spans = [[(e["start"], e["end"]) for e in item.get("entities", ())] for item in items]
    told = analyse(classifier, [item["text"] for item in items], "suite", spans=spans)
    tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    for item, analysis in zip(items, told, strict=True):
        tallies[item["kind"], item["language"]].count(item, passes(item, analysis))
    return dict(sorted(tallies.items()))


@dataclass(slots=True)
class Changed:
    """What one perturbation did to the labels of a file.

    Attributes:
        texts: Those that it altered.
        labels: Those of them whose label changed.
        reversed: Those that went from positive to negative or back.
        right: Those whose changed text has the file's label.
        right_before: Those whose original text had it.
    """

    texts: int = 0
    labels: int = 0
    reversed: int = 0
    right: int = 0
    right_before: int = 0

    def count(self, before: Sentiment, after: Sentiment, truth: str) -> None:
        """Add one altered text."""
        self.texts += 1
        self.labels += before != after
        self.reversed += before != after and Sentiment.NEUTRAL not in {before, after}
        self.right += after == truth
        self.right_before += before == truth

    @property
    def result(self) -> Row:
        """As JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def run_perturbations(classifier: Evaluated, rows: Sequence[Row], title: str) -> dict[str, Changed]:
    """Return what each kind of change did, and "all" together, for rows of text and label."""
    before = [a.sentiment for a in analyse(classifier, [row["text"] for row in rows], title)]
    language = rows[0]["language"]
    changed = {"all": Changed()}
    for kind in PERTURBATIONS:
        if language not in kind.languages:
            continue
        texts = [kind.apply(row["text"]) for row in rows]
        altered = [at for at, row in enumerate(rows) if texts[at] != row["text"]]
        told = analyse(classifier, [texts[at] for at in altered], f"{title}: {kind.name}")
        one = changed[kind.name] = Changed()
        for at, analysis in zip(altered, told, strict=True):
            for tally in (one, changed["all"]):
                tally.count(before[at], analysis.sentiment, rows[at]["label"])
    changed["all"] = changed.pop("all")  # last
    return changed


def show_suite(tallies: Mapping[tuple[str, str], Tally]) -> None:
    """Print the pass rates."""
    rows: list[list[object]] = []
    for (kind, language), tally in tallies.items():
        told = tally.result
        rows.append(
            [
                kind,
                language,
                told["items"],
                percent(told["passed"], told["items"]),
                percent(told["pairs_passed"], told["pairs"]),
            ]
        )
    items = sum(tally.items for tally in tallies.values())
    failed = sum(len(tally.failed) for tally in tallies.values())
    rows.append(["all", "", items, percent(items - failed, items), ""])
    show_table("Suite", ("kind", "language", "items", "passed", "pairs passed"), rows)


def show_perturbations(name: str, changed: Mapping[str, Changed]) -> None:
    """Print the shares of changed labels."""
    rows = [
        [
            kind,
            one.texts,
            percent(one.labels, one.texts),
            percent(one.reversed, one.texts),
            percent(one.right_before, one.texts),
            percent(one.right, one.texts),
        ]
        for kind, one in changed.items()
    ]
    columns = ("change", "texts", "label changed", "reversed", "accuracy before", "after")
    show_table(f"Changes on {name}", columns, rows)


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="shipped, or a folder.")
    ] = "shipped",
    data: Annotated[
        Path, typer.Option(help="Folder that holds sentiment/tfns.test.jsonl.")
    ] = SHARED_DATA,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many texts of each file.")
    ] = None,
) -> None:
    """Measure robustness: tables to standard output, in Markdown."""
    classifier = load(model)
    tallies = run_suite(classifier, read_rows(SUITE))
    show_suite(tallies)
    changes: dict[str, Any] = {}
    for name in TEST_FILES:
        path = data / "sentiment" / name
        if not path.is_file():
            say(f"left out, since it is not there: {path}")
            continue
        changed = run_perturbations(classifier, read_rows(path)[:limit], name)
        show_perturbations(name, changed)
        share = changed["all"].labels / max(1, changed["all"].texts)
        kept = "yes" if share <= MOST_CHANGED else "no"
        typer.echo(f"{name}: share changed {share:.4f}; at most {MOST_CHANGED}: {kept}\n")
        changes[name] = {kind: one.result for kind, one in changed.items()}
    suite = [
        {"kind": kind, "language": language, **tally.result}
        for (kind, language), tally in tallies.items()
    ]
    save(json_file, {**about(classifier), "suite": suite, "perturbations": changes})


if __name__ == "__main__":
    typer.run(main)
