"""`tapewatch stories`: copies and stories of a recorded stream, as they would be told live."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from models.labels import Classifier
    from pipeline.sources.replay import Lines

_errors = Console(stderr=True)
_CHUNK = 512


def stories(
    file: Annotated[
        Path,
        typer.Argument(help="News items as JSON lines, plain or .gz; - reads standard input."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here instead of to standard output."),
    ] = None,
) -> None:
    """Tell copies and stories in a stream, item after item, with nothing from the future.

    Each item gives a line with `row` (counting from 0, as in the file), `id`, `story` and `copy_of`
    (rows of other items, or null): its story is the row of the account that began it. The same
    item twice is a copy of itself. Lines that are no items are named on standard error.

    The classifier reads every item; one that gives no story vectors leaves stories to the words.
    """
    from pipeline.runtime import build_classifier, load_settings

    settings = load_settings()
    try:
        with ExitStack() as stack:
            lines = _lines(file)
            out = _output(output, file, stack)
            unreadable = _write(lines, out, build_classifier(settings))
    except BrokenPipeError:  # `tapewatch stories ... | head`: typer ends it without a word
        raise
    except OSError as error:
        raise fail(str(error)) from error
    if unreadable:
        raise fail(f"{unreadable} of {lines.lines} lines are no items; all others are written")


def _lines(file: Path) -> Lines:
    from pipeline.messages import Limits
    from pipeline.sources.replay import Lines

    if str(file) == "-":
        return Lines(None, Limits())
    if not file.is_file():
        raise fail(f"there is no file {file}", status=WRONG_USE)
    return Lines(file, Limits())


def _output(path: Path | None, source: Path, stack: ExitStack) -> IO[str]:
    if path is None:
        return sys.stdout
    if path.exists() and source.exists() and path.samefile(source):
        raise fail(f"{path} is the input: name another file to write to", status=WRONG_USE)
    return stack.enter_context(path.open("w", encoding="utf-8"))


def _write(lines: Lines, out: IO[str], classifier: Classifier) -> int:
    """Write what was told of each item; return how many lines were none."""
    from pipeline.sources.replay import SourceError

    unreadable = 0
    total = lines.path.stat().st_size if lines.path is not None else None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_errors, transient=True) as progress:
        task = progress.add_task("bytes of the file", total=total)
        try:
            unreadable = _place_all(lines, out, classifier, progress, task)
        except SourceError as error:
            raise fail(str(error)) from error
    return unreadable


def _place_all(
    lines: Lines, out: IO[str], classifier: Classifier, progress: Progress, task: TaskID
) -> int:
    from alerts.accounts.assign import Placer, Telling
    from alerts.accounts.copies import read_text
    from alerts.accounts.vectors import pack
    from pipeline.messages import NewsItem, item_id
    from pipeline.stages.text import text_of

    placer = Placer()
    unreadable = 0
    records = enumerate(lines.records())
    while chunk := list(islice(records, _CHUNK)):
        items = [(row, record) for row, record in chunk if isinstance(record, NewsItem)]
        analyses = classifier.classify([text_of(item) for _, item in items])
        for (row, item), analysis in zip(items, analyses, strict=True):
            text, vector = read_text(item.title, item.body), pack(analysis.story_vector)
            telling = Telling(str(row), item.published_at, item.title, text, vector)
            account = placer.place(telling, number=row)
            told = {
                "row": row,
                "id": item_id(item),
                "story": account.story,
                "copy_of": None if account.id == telling.id else int(account.id),
            }
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
        for _, record in chunk:
            if not isinstance(record, NewsItem):
                unreadable += 1
                _errors.print(f"{record.origin}: {record.error}", markup=False, highlight=False)
        progress.update(task, completed=lines.position)
    return unreadable
