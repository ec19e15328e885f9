"""Reads labelled JSON lines, checked line by line. No model."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.entity_types import NER_TYPES
from models.evaluation.task import EvaluationError, Task
from models.labels import Sentiment
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS


class Row(BaseModel):
    """A labelled text; fields that a task does not need are left alone."""

    model_config = ConfigDict(frozen=True)
    text: str = Field(min_length=1)


class SentimentRow(Row):
    """The tone of the whole text."""

    label: Sentiment


class TopicRow(Row):
    """One topic, by TFN's name."""

    label: Literal[tuple(TFN_TOPICS)]  # type: ignore[valid-type]  # known when the module loads


class TopicsRow(Row):
    """Any number of topics, by FinNL's names."""

    labels: tuple[Literal[tuple(FINNL_TOPICS)], ...]  # type: ignore[valid-type]  # as above


class MarkedEntity(BaseModel):
    """The part ``text[start:end]`` and the sentiment towards what it names."""

    start: int = Field(ge=0)
    end: int
    sentiment: Sentiment


class MarkedRow(Row):
    """Sentiment towards each of the marked parts."""

    entities: tuple[MarkedEntity, ...]

    @model_validator(mode="after")
    def _inside(self) -> "MarkedRow":
        for entity in self.entities:
            if not entity.start < entity.end <= len(self.text):
                msg = f"entity {entity.start}..{entity.end} is not inside the text"
                raise ValueError(msg)
        return self


class KeyEntitiesRow(Row):
    """Whether the text is negative, and which of its entities it is negative about (FinNSP)."""

    entities: tuple[str, ...]
    negative: Literal[0, 1]
    key_entities: tuple[str, ...]


class TokensRow(BaseModel):
    """Tokens and their IOB2 tags."""

    model_config = ConfigDict(frozen=True)
    tokens: tuple[str, ...] = Field(min_length=1)
    tags: tuple[Annotated[str, Field(pattern=r"^(O|[BI]-.+)$")], ...]
    language: str = "en"

    @model_validator(mode="after")
    def _paired(self) -> "TokensRow":
        if len(self.tokens) != len(self.tags):
            msg = f"{len(self.tokens)} tokens and {len(self.tags)} tags"
            raise ValueError(msg)
        _check_types({tag[2:] for tag in self.tags if tag != "O"})
        return self


class NamedEntity(BaseModel):
    """A name, wherever it stands in the text."""

    value: str = Field(min_length=1)
    type: str


class NamesRow(Row):
    """The names in a text, without their places (FinNER)."""

    entities: tuple[NamedEntity, ...]

    @model_validator(mode="after")
    def _known(self) -> "NamesRow":
        _check_types({entity.type for entity in self.entities})
        return self


class RelevanceRow(Row):
    """The category of a text."""

    category: str


AnyRow = Row | TokensRow


def _check_types(types: set[str]) -> None:
    unknown = sorted(types - NER_TYPES.keys())
    if unknown:
        msg = f"unknown entity type {unknown[0]!r} (docs/evaluation.md lists those that are known)"
        raise ValueError(msg)


def _format(task: Task, content: dict[str, Any]) -> type[AnyRow]:
    match task:
        case Task.SENTIMENT:
            return SentimentRow
        case Task.TOPIC:
            return TopicsRow if "labels" in content else TopicRow
        case Task.ENTITY_SENTIMENT:
            return KeyEntitiesRow if "key_entities" in content else MarkedRow
        case Task.NER:
            return TokensRow if "tokens" in content else NamesRow
        case Task.RELEVANCE:
            return RelevanceRow


def read_rows(path: Path, task: Task) -> list[AnyRow]:
    """Return the rows of a file (plain or .gz), all of one format; at least one.

    Raises:
        EvaluationError: If a line is not of a format of the task; names file and line.
        OSError: If the file cannot be read.
    """
    rows: list[AnyRow] = []
    for number, content in _contents(path):
        kind = _format(task, content)
        try:
            row = kind.model_validate(content)
        except ValidationError as error:
            reason = _reason(error)
            raise EvaluationError(f"{path}:{number}: no row of task {task}: {reason}") from error
        if rows and not isinstance(row, type(rows[0])):
            raise EvaluationError(f"{path}:{number}: another format than the rows before it")
        rows.append(row)
    if not rows:
        raise EvaluationError(f"{path} has no rows")
    return rows


def _contents(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                content = json.loads(line)
            except ValueError as error:  # UnicodeDecodeError too
                raise EvaluationError(f"{path}:{number}: not JSON: {error}") from error
            if not isinstance(content, dict):
                raise EvaluationError(f"{path}:{number}: not a JSON object")
            yield number, content


def _reason(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    text = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else text
