"""Writes the rows that a training run did not learn from, to measure a model on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from models.training.config import DataFile, Task, TrainingConfig
from models.training.examples import read_rows
from models.training.holdout import Parts, found, read_lines, split


class Written(NamedTuple):
    """A file that was written.

    Attributes:
        rows: In it.
        repeated: Left out of it, since a text equal to theirs teaches the same task.
    """

    file: Path
    task: Task
    rows: int
    repeated: int


def write_unseen(
    config: TrainingConfig, data: Path, out: Path, *, left_out: bool = False
) -> Iterator[Written]:
    """Write one file a data file of a configuration, of the same rows as they are.

    Args:
        config: As the run had it.
        data: Folder of the data files.
        out: Folder to write to; the files keep their names, without .gz.
        left_out: Write the rows beyond a file's share, which no part of the run has seen, instead
            of those held back, on which it has stopped and was calibrated.

    Yields:
        What was written; files without such rows are passed over.

    Raises:
        ValueError: If a line is not of its task's format.
        OSError: If a file cannot be read or written.
    """
    files = [(file, _parts(file, data, config)) for file in config.data]
    learnt: dict[Task, set[str]] = {file.task: set() for file in config.data}
    for file, parts in files:
        learnt[file.task].update(_key(line, file.task) for line in parts.trained)
    for file, parts in files:
        unseen = parts.left_out if left_out else parts.held_back
        kept = [line for line in unseen if _key(line, file.task) not in learnt[file.task]]
        if kept:
            path = out / Path(*file.file.parts[file.file.is_absolute() :])
            path = path.with_suffix("") if path.suffix == ".gz" else path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(kept), encoding="utf-8")
            yield Written(path, file.task, len(kept), len(unseen) - len(kept))


def _parts(file: DataFile, data: Path, config: TrainingConfig) -> Parts[str]:
    lines = list(read_lines(found(file, data)))
    return split(lines, share=file.share, held_back=config.held_back, seed=config.seed)


def _key(line: str, task: Task) -> str:
    """Return what two rows of the same text have in common: letters and digits."""
    try:
        [example] = read_rows([json.loads(line)], task)
    except (KeyError, ValueError, TypeError) as error:
        msg = f"not a line of task {task!r}: {error!r}"
        raise ValueError(msg) from error
    return "".join(filter(str.isalnum, example.text.lower()))
