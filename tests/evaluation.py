"""What the tests of evaluation share: a classifier by script, and short ways to write a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.evaluation.evaluate import evaluate
from models.evaluation.metrics import Figures, Result
from models.evaluation.rows import read_rows
from models.evaluation.task import Task
from models.evaluation.texts import Evaluated
from models.labels import Analysis, Probabilities, Sentiment, Span
from models.multihead import HeadKind, HeadSpec

HEADS = {
    "sentiment": HeadSpec("sentiment", HeadKind.SINGLE, tuple(Sentiment)),
    "topics": HeadSpec("topics", HeadKind.MULTI, (), threshold=0.4),
    "relevance": HeadSpec("relevance", HeadKind.MULTI, ("finance",)),
    "entities": HeadSpec("entities", HeadKind.TAGS, ()),
    "entity_sentiment": HeadSpec("entity_sentiment", HeadKind.SPANS, tuple(Sentiment)),
}


def sides(negative: float, neutral: float, positive: float) -> Probabilities:
    """Return the probabilities of a sentiment."""
    return dict(zip(Sentiment, (negative, neutral, positive), strict=True))


CALM = Analysis(sides(0.1, 0.8, 0.1))


@dataclass(frozen=True, slots=True)
class ScriptedClassifier:
    """Says of a text, and towards a part of it, what stands in its script."""

    script: Mapping[str, Analysis] = field(default_factory=dict)
    towards: Mapping[str, Probabilities] = field(default_factory=dict)
    heads: Mapping[str, HeadSpec] = field(default_factory=lambda: HEADS)
    version: str = "script@1"

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return what the script says; calm where it says nothing."""
        asked = spans if spans is not None else [()] * len(texts)
        return [
            replace(
                self.script.get(text, CALM),
                span_sentiments=tuple(self.towards[text[start:end]] for start, end in own),
            )
            for text, own in zip(texts, asked, strict=True)
        ]


def write(path: Path, *rows: Mapping[str, object]) -> Path:
    """Write rows as JSON lines."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8")
    return path


def measure(path: Path, task: Task, model: Evaluated) -> Result:
    """Return what `tapewatch evaluate` would."""
    return evaluate(path, read_rows(path, task), task, model)


def per_class(figures: Figures, name: str) -> tuple[float, float, float, int]:
    """Return precision, recall, F1 and support."""
    own = figures["per_class"][name]
    return own["precision"], own["recall"], own["f1"], own["support"]
