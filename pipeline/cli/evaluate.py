"""`tapewatch evaluate`: how good a model is, on labelled JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from models.evaluation.task import EvaluationError, Task
from pipeline.cli.fail import fail, missing

if TYPE_CHECKING:
    from models.evaluation.texts import Evaluated
    from models.labels import Analysis, Span
    from models.multihead import HeadSpec

_BATCH = 512

_errors = Console(stderr=True)


class _Watched:
    """A classifier that moves a progress bar."""

    def __init__(self, model: Evaluated, progress: Progress, bar: TaskID) -> None:
        self._model = model
        self._progress = progress
        self._bar = bar

    @property
    def version(self) -> str:
        return self._model.version

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        return self._model.heads

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        told: list[Analysis] = []
        for start in range(0, len(texts), _BATCH):
            part = slice(start, start + _BATCH)
            own = None if spans is None else spans[part]
            told += self._model.classify(texts[part], spans=own)
            self._progress.update(self._bar, completed=len(told))
        return told


def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled JSON lines, plain or .gz.")],
    task: Annotated[Task, typer.Option(help="What the lines are labelled for.")],
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page with the errors here.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Folder or Hugging Face name; by default the configured model.")
    ] = "",
) -> None:
    """Measure the model on a labelled file; needs the `train` extra.

    Prints one JSON object. docs/evaluation.md says what each figure means.
    """
    try:
        from models.evaluation.evaluate import evaluate as run
        from models.evaluation.report import write_report
    except ImportError as error:
        raise fail(missing(str(error.name), "train")) from error
    from models.evaluation.rows import read_rows

    if not file.is_file():
        raise fail(f"there is no file {file}")
    try:
        # Before the model is loaded: a wrong file is told at once.
        rows = read_rows(file, task)
        loaded = _load(model)
        with Progress(console=_errors, transient=True, disable=not _errors.is_terminal) as progress:
            bar = progress.add_task(f"classifying with {loaded.version}", total=len(rows))
            result = run(file, rows, task, _Watched(loaded, progress, bar))
        if report is not None:
            write_report(result, report)
    except (EvaluationError, OSError) as error:
        raise fail(str(error)) from error
    typer.echo(json.dumps(result.figures, indent=2, ensure_ascii=False))


def _load(model: str) -> Evaluated:
    from models.loading import load_classifier
    from pipeline.runtime import load_settings

    settings = load_settings().model
    return load_classifier(
        model or settings.path,
        device=settings.device,
        max_batch_tokens=settings.max_batch_tokens,
        threads=settings.threads,
        topic_threshold=0.0,
        int8=settings.int8,
    )
