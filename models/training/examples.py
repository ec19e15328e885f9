"""Reads labelled JSON lines into training examples. One reader a format, no tensors."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.entity_types import NER_TYPES
from models.labels import EntityType, Sentiment, Span
from models.relevance import RELEVANT_CATEGORIES
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS, TOPICS
from models.training.config import DataFile, Task
from models.training.holdout import found, read_lines, split
from models.training.spans import find_all, joined

IGNORED = -100.0
"""A target that says nothing: the loss leaves it out."""

Sentiments = frozenset[Sentiment]
"""Labels of which one is right: a data set may only say that a text is not negative."""

_NOT_NEGATIVE = frozenset({Sentiment.NEUTRAL, Sentiment.POSITIVE})


@dataclass(frozen=True, slots=True)
class TypedSpan:
    """A name in a text, of one of these types; no type at all says nothing about the span."""

    span: Span
    types: frozenset[EntityType]


@dataclass(frozen=True, slots=True)
class Taught:
    """What teachers say of a text; None where they say nothing.

    Attributes:
        sentiment: Probabilities in the order of ``Sentiment``, adding up to 1.
        relevance: Probability in [0, 1] that it concerns finance.
    """

    sentiment: tuple[float, ...] | None = None
    relevance: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A text with what is known of it.

    Attributes:
        sentiment: Of the whole text; empty where the file does not say.
        topics: 0, 1 or ``IGNORED`` for each of ``TOPICS``; None where the file does not say.
        relevant: Whether it concerns finance.
        names: All names in it; None where the file does not mark them.
        towards: Parts of it and the sentiment towards each.
        taught: What teachers say of it.
    """

    text: str
    sentiment: Sentiments = frozenset()
    topics: tuple[float, ...] | None = None
    relevant: bool | None = None
    names: tuple[TypedSpan, ...] | None = None
    towards: tuple[tuple[Span, Sentiments], ...] = ()
    taught: Taught = Taught()


def _sentiment(row: dict[str, Any]) -> Iterator[Example]:
    yield Example(row["text"], sentiment=frozenset({Sentiment(row["label"])}))


def _topic(row: dict[str, Any]) -> Iterator[Example]:
    several = "labels" in row
    mapping = FINNL_TOPICS if several else TFN_TOPICS
    told = {mapping[label] for label in (row["labels"] if several else [row["label"]])}
    known = set(mapping.values())
    targets = tuple(float(t in told) if t in known else IGNORED for t in TOPICS)
    yield Example(row["text"], topics=targets)


def _entity_sentiment(row: dict[str, Any]) -> Iterator[Example]:
    if "key_entities" in row:
        yield _key_entities(row)
        return
    towards = tuple(
        ((e["start"], e["end"]), frozenset({Sentiment(e["sentiment"])})) for e in row["entities"]
    )
    if "label" in row:  # a statement of our own grammar, which marks every name
        whole = frozenset({Sentiment(row["label"])}) if row["label"] else frozenset()
        names = tuple(
            TypedSpan((e["start"], e["end"]), frozenset({EntityType(e["type"])}))
            for e in row["entities"]
        )
        yield Example(row["text"], sentiment=whole, names=names, towards=towards)
        return
    # Where all entities are of one mind, it is the text's own.
    whole = towards[0][1] if len({said for _, said in towards}) == 1 else frozenset()
    yield Example(row["text"], sentiment=whole, towards=towards)


def _key_entities(row: dict[str, Any]) -> Example:
    """Read a text that is negative or not, about some of its entities (FinNSP)."""
    text = row["text"]
    negative = frozenset({Sentiment.NEGATIVE})
    key = set(row["key_entities"]) if row["negative"] else set()
    towards = tuple(
        (span, negative if name in key else _NOT_NEGATIVE)
        for name, span in find_all(text, row["entities"])
    )
    return Example(text, negative if row["negative"] else _NOT_NEGATIVE, towards=towards)


def _ner(row: dict[str, Any]) -> Iterator[Example]:
    if "tokens" in row:
        text, marked = joined(row["tokens"], row["tags"], spaces=row["language"] != "zh")
    else:
        text, types = row["text"], {e["value"]: e["type"] for e in row["entities"]}
        marked = [(span, types[value]) for value, span in find_all(text, types)]
    names = []
    for (start, end), kind in marked:
        types_here = NER_TYPES.get(kind)
        if types_here is None:
            continue
        # Contracts and filings mark roles ("the Borrower", "we") as well: those say nothing.
        role = _ROLE.fullmatch(text[start:end])
        names.append(TypedSpan((start, end), frozenset() if role else types_here))
    yield Example(text, names=tuple(names))


_ROLE = re.compile(
    r"(the )?(agent|bank|borrowers?|buyer|company|corporation|employee|executive|guarantor"
    r"|holders?|landlord|lenders?|parent|purchaser|registrant|seller|subsidiary|tenant|trustee"
    r"|he|her|his|i|it|its|my|our|she|their|they|us|we|you|your)( 's)?",
    re.IGNORECASE,
)


def _relevance(row: dict[str, Any]) -> Iterator[Example]:
    yield Example(row["text"], relevant=row["category"] in RELEVANT_CATEGORIES)


_READERS: dict[Task, Callable[[dict[str, Any]], Iterator[Example]]] = {
    "sentiment": _sentiment,
    "topic": _topic,
    "entity-sentiment": _entity_sentiment,
    "ner": _ner,
    "relevance": _relevance,
}


def read_rows(rows: Iterable[dict[str, Any]], task: Task) -> list[Example]:
    """Return the examples of rows that are known to be well formed."""
    return [example for row in rows for example in _READERS[task](row)]


def read_examples(path: Path, task: Task) -> list[Example]:
    """Return the examples of one file, plain or .gz.

    Raises:
        ValueError: If a line is not of the task's format; names file and line.
    """
    examples: list[Example] = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            examples.extend(_READERS[task](json.loads(line)))
        except (KeyError, ValueError, TypeError) as error:
            msg = f"{path}:{number}: not a line of task {task!r}: {error!r}"
            raise ValueError(msg) from error
    return examples


def split_examples(
    files: Iterable[DataFile], folder: Path, *, held_back: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Return (training, held-back) examples; the split depends on the seed alone.

    What is held back of a file repeats no text that is learnt from it, if anything is left then.
    """
    train: list[Example] = []
    held: list[Example] = []
    for file in files:
        examples = read_examples(found(file, folder), file.task)
        if file.relevant is not None:
            examples = [replace(example, relevant=file.relevant) for example in examples]
        parts = split(examples, share=file.share, held_back=held_back, seed=seed)
        trained = {example.text for example in parts.trained}
        fresh = [example for example in parts.held_back if example.text not in trained]
        held.extend(fresh or parts.held_back)
        train.extend(parts.trained * file.repeat)
    return train, held
