"""Named entities: predictions brought onto a file's own tokens and types."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.entity_types import Family, family_of
from models.evaluation.metrics import (
    NOTHING,
    Decision,
    Result,
    calibration_error,
    exact_entities,
)
from models.evaluation.rows import NamesRow, TokensRow
from models.evaluation.task import EvaluationError
from models.labels import Classifier, EntityType, Mention, Span
from models.training.spans import find_all

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Name:
    """A name as a run of pieces, ``pieces[first:end]``.

    Attributes:
        kind: What the figures call its type.
        probability: That it is one, in [0, 1]; 1 where people marked it.
    """

    first: int
    end: int
    kind: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text cut into pieces (tokens or characters), and the names in it, none overlapping."""

    text: str
    pieces: list[Span]
    names: list[Name]


def named_entities(rows: Sequence[TokensRow | NamesRow], model: Classifier) -> Result:
    """Compare names exactly: all characters of the span, and the type.

    Raises:
        EvaluationError: If the types are not of one family, or no name is of a type of ours.
    """
    family = family_of(name for row in rows for name in _types(row))
    if family is None:
        raise EvaluationError("its entity types are those of more than one data set")
    classes = _classes(family)
    texts = [
        _of_tokens(row, classes) if isinstance(row, TokensRow) else _of_values(row, classes)
        for row in rows
    ]
    if not any(text.names for text in texts):
        raise EvaluationError("it marks no name of a type that is scored")
    ours = {
        kind: classes[name] for name, types in family.items() if types is not None for kind in types
    }
    gold: list[list[str]] = []
    predicted: list[list[str]] = []
    decisions: list[Decision] = []
    for text, analysis in zip(texts, model.classify([t.text for t in texts]), strict=True):
        found = list(on_pieces(text.pieces, analysis.mentions, ours))
        gold.append(_tags(text.names, len(text.pieces)))
        predicted.append(_tags(found, len(text.pieces)))
        decisions += _decisions(text, found)
    figures = exact_entities(gold, predicted)
    return Result(figures | {"ece": calibration_error(decisions)}, decisions)


def on_pieces(
    pieces: Sequence[Span], mentions: Sequence[Mention], classes: Mapping[EntityType, str]
) -> Iterator[Name]:
    """Yield the mentions of types that are scored, each with every piece that it covers a part of.

    A piece goes to the first mention that covers it.
    """
    free = 0
    for mention in mentions:
        inside = [
            index
            for index, (start, end) in enumerate(pieces[free:], free)
            if start < mention.end and mention.start < end
        ]
        if inside and mention.type in classes:
            free = inside[-1] + 1
            yield Name(inside[0], free, classes[mention.type], mention.probability)


def _types(row: TokensRow | NamesRow) -> set[str]:
    if isinstance(row, TokensRow):
        return {tag[2:] for tag in row.tags if tag != OUTSIDE}
    return {entity.type for entity in row.entities}


def _classes(family: Family) -> dict[str, str]:
    """Return what the figures call each scored type: those that mean the same are one."""
    together: dict[frozenset[EntityType], list[str]] = {}
    for name, types in family.items():
        if types is not None:
            together.setdefault(types, []).append(name)
    return {name: " + ".join(same) for same in together.values() for name in same}


def _of_tokens(row: TokensRow, classes: Mapping[str, str]) -> MarkedText:
    between = "" if row.language == "zh" else " "
    pieces: list[Span] = []
    names: list[Name] = []
    at = 0
    for index, (token, tag) in enumerate(zip(row.tokens, row.tags, strict=True)):
        pieces.append((at, at + len(token)))
        at += len(token) + len(between)
        kind = classes.get(tag[2:])
        if tag.startswith("I-") and names and names[-1].end == index and names[-1].kind == kind:
            names[-1] = Name(names[-1].first, index + 1, kind)
        elif kind is not None:
            names.append(Name(index, index + 1, kind))
    return MarkedText(between.join(row.tokens), pieces, names)


def _of_values(row: NamesRow, classes: Mapping[str, str]) -> MarkedText:
    types = {entity.value: entity.type for entity in row.entities}
    names = [
        Name(start, end, classes[types[value]])
        for value, (start, end) in find_all(row.text, types)
        if types[value] in classes
    ]
    return MarkedText(row.text, [(i, i + 1) for i in range(len(row.text))], names)


def _tags(names: Sequence[Name], count: int) -> list[str]:
    tags = [OUTSIDE] * count
    for name in names:
        inside = [f"I-{name.kind}"] * (name.end - name.first - 1)
        tags[name.first : name.end] = [f"B-{name.kind}", *inside]
    return tags


def _decisions(text: MarkedText, found: Sequence[Name]) -> Iterator[Decision]:
    """Yield one for each name found, and for each one missed."""
    right = {(name.first, name.end): name.kind for name in text.names}
    for name in found:
        gold = right.pop((name.first, name.end), NOTHING)
        span = (text.pieces[name.first][0], text.pieces[name.end - 1][1])
        yield Decision(text.text, gold, name.kind, name.probability, span)
    for (first, end), kind in right.items():
        span = (text.pieces[first][0], text.pieces[end - 1][1])
        yield Decision(text.text, kind, NOTHING, None, span)
