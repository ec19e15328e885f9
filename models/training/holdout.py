"""Which rows of a data file a training run learns from, holds back and leaves out."""

import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from models.training.config import DataFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts(Generic[T]):
    """The rows of a file.

    Attributes:
        trained: Learnt from.
        held_back: For early stopping and calibration.
        left_out: Beyond the file's share: the run never sees them.
    """

    trained: list[T]
    held_back: list[T]
    left_out: list[T]


def split(rows: Sequence[T], *, share: float, held_back: float, seed: int) -> Parts[T]:
    """Split the rows of a file; which row goes where depends on the seed and their number alone.

    Args:
        rows: In the order of the file.
        share: Part of them that is used, in (0, 1].
        held_back: Part of them that is held back, in (0, 0.5).
        seed: Of the order in which they are taken.
    """
    order = list(rows)
    random.Random(seed).shuffle(order)  # noqa: S311 - a split, not a secret
    cut = max(1, round(len(order) * held_back))
    end = max(cut + 1, round(len(order) * share))
    return Parts(order[cut:end], order[:cut], order[end:])


def found(file: DataFile, folder: Path) -> Path:
    """Return where a file of a configuration is: in the data folder, or from the current one."""
    path = folder / file.file
    return path if path.is_file() else file.file


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, plain or .gz."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from lines
