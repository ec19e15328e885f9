"""`tapewatch classify`: the model without the stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from models.labels import Analysis
from pipeline.cli.fail import fail

if TYPE_CHECKING:
    from models.entities.linking import LinkedEntity
    from models.labels import Probabilities
    from pipeline.settings import Settings

_BATCH = 1024

_errors = Console(stderr=True)


def _rows(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode())
            json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
        except UnicodeDecodeError as error:
            raise fail(f"line {number} is not UTF-8: {error.reason} at {error.start}") from error
        except ValueError as error:
            raise fail(f"line {number} is not JSON: {error}") from error
        if not isinstance(row, dict) or not (row.get("text") or row.get("title")):
            raise fail(f'line {number} has neither "text" nor "title"')
        yield row


def _text(row: dict[str, Any]) -> str:
    if row.get("text"):
        return str(row["text"])
    return "\n".join(str(row[key]) for key in ("title", "body") if row.get(key))


def _open_input(path: Path, stack: ExitStack) -> IO[bytes]:
    if str(path) == "-":
        return sys.stdin.buffer
    if not path.is_file():
        raise fail(f"there is no file {path}")
    return stack.enter_context(path.open("rb"))


def _open_output(path: Path | None, source: Path, stack: ExitStack) -> IO[str]:
    if path is None:
        return sys.stdout
    if path.exists() and source.exists() and path.samefile(source):
        raise fail(f"{path} is the input: name another file to write to")
    return stack.enter_context(path.open("w", encoding="utf-8"))


def _told(probabilities: Probabilities) -> dict[str, Any]:
    analysis = Analysis(probabilities)
    return {
        "sentiment": analysis.sentiment,
        "probabilities": {k: round(v, 4) for k, v in probabilities.items()},
        "score": round(analysis.score, 4),
    }


def _add(
    row: dict[str, Any], analysis: Analysis, entities: Iterable[LinkedEntity]
) -> dict[str, Any]:
    return row | {
        **_told(analysis.probabilities),
        "relevance": None if analysis.relevance is None else round(analysis.relevance, 4),
        "topics": [topic.topic for topic in analysis.topics],
        "entities": [
            {"id": one.entity.id, "name": one.entity.name, **_told(one.probabilities)}
            for one in entities
        ],
    }


def classify(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON lines with `text`, or `title` and `body`; - reads standard input."
        ),
    ] = Path("-"),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here instead of to standard output."),
    ] = None,
) -> None:
    """Tell sentiment, topics, relevance to finance and companies of texts.

    Each line comes back with `sentiment`, `probabilities`, `score` (positive less negative, in
    [-1, 1]), `relevance`, `topics` and `entities` added; each of these has its `id`, `name` and
    the `sentiment`, `probabilities` and `score` towards it.
    """
    from pipeline.runtime import load_settings

    settings = load_settings()
    try:
        with ExitStack() as stack:
            # Before the model is loaded: what cannot be opened is told at once.
            lines = _open_input(file, stack)
            out = _open_output(output, file, stack)
            _classify(settings, _rows(lines), out)
    except BrokenPipeError:  # `tapewatch classify ... | head`: typer ends it without a word
        raise
    except OSError as error:
        raise fail(str(error)) from error


def _classify(settings: Settings, rows: Iterator[dict[str, Any]], out: IO[str]) -> None:
    from pipeline.runtime import build_classifier, build_floors, build_gazetteer
    from pipeline.stages.classify import tell

    floors = build_floors(settings)
    classifier, gazetteer = build_classifier(settings), build_gazetteer(settings)
    with Progress(console=_errors, transient=True) as progress:
        task = progress.add_task(f"classifying with {classifier.version}", total=None)
        while batch := list(islice(rows, _BATCH)):
            told = tell(
                [_text(row) for row in batch],
                classifier=classifier,
                finder=gazetteer,
                sources=[str(row.get("source") or "") for row in batch],
                floors=floors,
            )
            for row, (analysis, entities) in zip(batch, told, strict=True):
                line = _add(row, analysis, entities)
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
            progress.update(task, advance=len(batch))
