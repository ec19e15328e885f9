"""Reads labelled JSON lines into training examples. One reader a format, no tensors."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.labels import Sentiment
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS, TOPICS
from models.training.config import DataFile, Task

IGNORED = -100.0
"""A target that says nothing: the loss leaves it out."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with what is known of it.

    Attributes:
        sentiment: Index into ``Sentiment``; None where the file does not say.
        topics: 0, 1 or ``IGNORED`` for each of ``TOPICS``.
    """

    text: str
    sentiment: int | None = None
    topics: tuple[float, ...] | None = None


_SENTIMENTS = tuple(Sentiment)


def _sentiment(row: dict[str, Any]) -> Iterator[Example]:
    yield Example(row["text"], sentiment=_SENTIMENTS.index(Sentiment(row["label"])))


def _topic(row: dict[str, Any]) -> Iterator[Example]:
    several = "labels" in row
    mapping = FINNL_TOPICS if several else TFN_TOPICS
    told = {mapping[label] for label in (row["labels"] if several else [row["label"]])}
    known = set(mapping.values())
    targets = tuple(float(t in told) if t in known else IGNORED for t in TOPICS)
    yield Example(row["text"], topics=targets)


def _entity_sentiment(row: dict[str, Any]) -> Iterator[Example]:
    """Yield the text where all its entities are of one mind: then it is the text's own."""
    labels = {entity["sentiment"] for entity in row["entities"]}
    if len(labels) == 1:
        yield Example(row["text"], sentiment=_SENTIMENTS.index(Sentiment(labels.pop())))


_READERS: dict[Task, Callable[[dict[str, Any]], Iterator[Example]]] = {
    "sentiment": _sentiment,
    "topic": _topic,
    "entity-sentiment": _entity_sentiment,
}


def read_examples(path: Path, task: Task) -> list[Example]:
    """Return the examples of one file.

    Raises:
        ValueError: If a line is not of the task's format; names file and line.
    """
    examples: list[Example] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                examples.extend(_READERS[task](json.loads(line)))
            except (KeyError, ValueError, TypeError) as error:
                msg = f"{path}:{number}: not a line of task {task!r}: {error!r}"
                raise ValueError(msg) from error
    return examples


def split_examples(
    files: Iterable[DataFile], folder: Path, *, held_back: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Return (training, held-back) examples; the split depends on the seed alone."""
    train: list[Example] = []
    held: list[Example] = []
    for file in files:
        examples = read_examples(folder / file.file, file.task)
        random.Random(seed).shuffle(examples)  # noqa: S311 - a split, not a secret
        cut = max(1, round(len(examples) * held_back))
        held.extend(examples[:cut])
        train.extend(examples[cut:] * file.repeat)
    return train, held
