"""Writes an evaluation as one HTML page that asks the network for nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.evaluation.metrics import NOTHING, Bin, Decision, Result, reliability

WORST = 40
_CONTEXT_CHARS = 160


@dataclass(frozen=True, slots=True)
class Cell:
    """How often a label was answered by another, and which share of the label's row that is."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A bin of the reliability diagram: places in [0, 1] and a radius in pixels."""

    confidence: float
    accuracy: float
    count: int
    radius: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong decision with the text around what it is about."""

    gold: str
    predicted: str
    confidence: float
    before: str
    about: str
    after: str


def write_report(result: Result, path: Path) -> None:
    """Write the page; an existing file is replaced."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    labels = _labels(result.decisions)
    page = environment.get_template("report.html.jinja").render(
        figures=result.figures,
        numbers={
            name: value for name, value in result.figures.items() if isinstance(value, int | float)
        },
        labels=labels,
        matrix=confusion(result.decisions, labels),
        dots=_dots(reliability(result.decisions)),
        mistakes=worst(result.decisions),
    )
    path.write_text(page, encoding="utf-8")


def _labels(decisions: Sequence[Decision]) -> list[str]:
    """Return all labels, what stands for none last."""
    found = {label for d in decisions for label in (d.gold, d.predicted)}
    return sorted(found, key=lambda label: (label == NOTHING, label))


def confusion(decisions: Sequence[Decision], labels: Sequence[str]) -> list[list[Cell]]:
    """Return a row for each right label, with a cell for each answer."""
    pairs = Counter((d.gold, d.predicted) for d in decisions)
    rows = []
    for gold in labels:
        total = sum(pairs[gold, other] for other in labels)
        rows.append(
            [
                Cell(pairs[gold, other], pairs[gold, other] / max(total, 1), gold == other)
                for other in labels
            ]
        )
    return rows


def _dots(bins: Sequence[Bin]) -> list[Dot]:
    most = max((one.count for one in bins), default=1)
    return [
        Dot(one.confidence, one.accuracy, one.count, 3 + 9 * (one.count / most) ** 0.5)
        for one in bins
    ]


def worst(decisions: Sequence[Decision]) -> list[Mistake]:
    """Return the wrong decisions that the model was surest of, surest first."""
    wrong = [(d.confidence, d) for d in decisions if not d.right and d.confidence is not None]
    wrong.sort(key=lambda pair: -pair[0])
    return [_mistake(decision, confidence) for confidence, decision in wrong[:WORST]]


def _mistake(decision: Decision, confidence: float) -> Mistake:
    text = decision.text
    start, end = decision.span or (0, 0)
    before, after = text[:start], text[end:]
    if len(before) > _CONTEXT_CHARS:
        before = "…" + before[-_CONTEXT_CHARS:]
    if len(after) > 2 * _CONTEXT_CHARS:
        after = after[: 2 * _CONTEXT_CHARS] + "…"
    return Mistake(decision.gold, decision.predicted, confidence, before, text[start:end], after)
