"""Measures a model on a labelled file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from models.evaluation.key_entities import key_entities
from models.evaluation.metrics import Figures, Result
from models.evaluation.names import named_entities
from models.evaluation.rows import (
    AnyRow,
    KeyEntitiesRow,
    MarkedRow,
    NamesRow,
    RelevanceRow,
    SentimentRow,
    TokensRow,
    TopicRow,
    TopicsRow,
)
from models.evaluation.task import HEADS, EvaluationError, Task
from models.evaluation.texts import (
    Evaluated,
    marked_entities,
    relevance,
    sentiment,
    topic,
    topics,
)

# What answers for the rows of a format, which the reader has made sure of.
_MEASURES: Mapping[type[AnyRow], Any] = {
    SentimentRow: sentiment,
    TopicRow: topic,
    TopicsRow: topics,
    MarkedRow: marked_entities,
    KeyEntitiesRow: key_entities,
    TokensRow: named_entities,
    NamesRow: named_entities,
    RelevanceRow: relevance,
}


def evaluate(path: Path, rows: Sequence[AnyRow], task: Task, model: Evaluated) -> Result:
    """Return the figures of a model on the rows of one format, and its decisions.

    Args:
        path: Where the rows are from; only named.
        rows: At least one, as ``read_rows`` returns them.
        task: What they are labelled for.
        model: Its topics must come without a threshold.

    Raises:
        EvaluationError: If the model has no head for the task, or the rows no use for it.
    """
    if HEADS[task] not in model.heads:
        raise EvaluationError(f"the model {model.version} has no head for {task}")
    try:
        result = cast("Result", _MEASURES[type(rows[0])](rows, model))
    except EvaluationError as error:
        raise EvaluationError(f"{path}: {error}") from error
    head = {"file": str(path), "task": task.value, "model": model.version}
    return Result(_plain(head | result.figures), result.decisions)


def _plain(figures: Figures) -> Figures:
    """Return the same with numbers as JSON writes them, rounded to four digits."""
    return {
        name: _plain(value)
        if isinstance(value, dict)
        else round(float(value), 4)
        if isinstance(value, float)
        else value
        for name, value in figures.items()
    }
