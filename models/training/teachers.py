"""What teachers say of texts: a larger model, or several, teach a small one.

A text keeps what its file tells of it; what the teachers say is learnt beside that, or alone where
the file says nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.labels import Classifier, Sentiment
from models.training.examples import Example, Taught
from models.training.holdout import read_lines

HEADS = ("sentiment", "relevance")
"""Of which teachers speak."""

_BATCH = 512


def taught_rows(
    texts: Sequence[str], teachers: Sequence[Classifier], heads: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Let teachers read texts.

    Args:
        texts: Any number.
        teachers: At least one.
        heads: Those of ``HEADS`` that are asked for.

    Yields:
        Each text with the mean of what the teachers say of it.

    Raises:
        ValueError: If a teacher does not tell relevance and is asked for it.

    Reference:
        Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network.
    """
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        said = [teacher.classify(batch) for teacher in teachers]
        rows: list[dict[str, Any]] = [{"text": text} for text in batch]
        for row, each in zip(rows, zip(*said, strict=True), strict=True):
            if "sentiment" in heads:
                chances = [[one.probabilities[label] for label in Sentiment] for one in each]
                row["sentiment"] = [round(float(p), 4) for p in np.mean(chances, axis=0)]
            if "relevance" in heads:
                told = [one.relevance for one in each if one.relevance is not None]
                if len(told) < len(each):
                    msg = "a teacher does not tell relevance"
                    raise ValueError(msg)
                row["relevance"] = round(float(np.mean(told)), 4)
        yield from rows


def read_taught(path: Path) -> dict[str, Taught]:
    """Return what teachers said of each text.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line is not of ``taught_rows``; names file and line.
    """
    taught: dict[str, Taught] = {}
    for number, line in enumerate(read_lines(path), 1):
        try:
            row = json.loads(line)
            taught[row["text"]] = Taught(_chances(row), _share(row))
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{path}:{number}: not a line of `tapewatch label-taught`: {error}"
            raise ValueError(msg) from error
    return taught


def _chances(row: Mapping[str, Any]) -> tuple[float, ...] | None:
    if "sentiment" not in row:
        return None
    chances = np.asarray(row["sentiment"], float)
    if chances.shape != (len(Sentiment),) or chances.min() < 0 or chances.sum() <= 0:
        msg = f"{len(Sentiment)} probabilities are wanted"
        raise ValueError(msg)
    return tuple(map(float, chances / chances.sum()))


def _share(row: Mapping[str, Any]) -> float | None:
    if "relevance" not in row:
        return None
    share = float(row["relevance"])
    if not 0 <= share <= 1:
        msg = f"{share} is no probability"
        raise ValueError(msg)
    return share


def with_taught(examples: Iterable[Example], taught: Mapping[str, Taught]) -> list[Example]:
    """Return the examples, each with what teachers said of its text, if they did."""
    return [replace(one, taught=taught.get(one.text, one.taught)) for one in examples]
