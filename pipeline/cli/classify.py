"""`tapewatch classify` and `tapewatch train`: the model without the stream."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.cli.fail import fail

_BATCH = 1024

_errors = Console(stderr=True)


def _rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise fail(f"line {number} is not JSON: {error}") from error
        if not isinstance(row, dict) or not (row.get("text") or row.get("title")):
            raise fail(f'line {number} has neither "text" nor "title"')
        yield row


def _text(row: dict[str, Any]) -> str:
    if row.get("text"):
        return str(row["text"])
    return "\n".join(str(row[key]) for key in ("title", "body") if row.get(key))


def _open(path: Path) -> IO[str]:
    if str(path) == "-":
        return sys.stdin
    if not path.is_file():
        raise fail(f"there is no file {path}")
    return path.open(encoding="utf-8")


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
    """Tell sentiment, topics and companies of texts.

    Each line comes back with `sentiment`, `probabilities`, `score` (positive less negative, in
    [-1, 1]), `topics` and `entities` added.
    """
    from pipeline.runtime import build_classifier, build_gazetteer, load_settings

    settings = load_settings()
    classifier, gazetteer = build_classifier(settings), build_gazetteer(settings)
    with _open(file) as lines, Progress(console=_errors, transient=True) as progress:
        task = progress.add_task("classifying", total=None)
        out = output.open("w", encoding="utf-8") if output else sys.stdout
        rows = _rows(lines)
        while batch := list(islice(rows, _BATCH)):
            texts = [_text(row) for row in batch]
            for row, text, analysis in zip(batch, texts, classifier.classify(texts), strict=True):
                told = {
                    "sentiment": analysis.sentiment,
                    "probabilities": {k: round(v, 4) for k, v in analysis.probabilities.items()},
                    "score": round(analysis.score, 4),
                    "topics": [t.topic for t in analysis.topics],
                    "entities": [{"id": e.id, "name": e.name} for e in gazetteer.find(text)],
                }
                out.write(json.dumps({**row, **told}, ensure_ascii=False) + "\n")
            progress.update(
                task, advance=len(batch), description=f"classifying with {classifier.version}"
            )
        if output:
            out.close()


def train(
    config: Annotated[
        Path, typer.Argument(help="TOML file of the run; see models/training/shipped-1.toml.")
    ],
    data: Annotated[
        Path, typer.Option(help="Folder that the configuration's files are relative to.")
    ],
    out: Annotated[Path, typer.Option(help="Model folder to write; checkpoints go to OUT/run.")],
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
) -> None:
    """Fine-tune an encoder on labelled JSON lines; needs the `train` extra."""
    try:
        from models.training.train import train as run
    except ImportError as error:
        raise fail(f"{error.name} is not installed: pip install 'tapewatch[train]'") from error
    from models.training.config import read_config

    try:
        metrics = run(read_config(config), data, out, resume=resume)
    except (OSError, ValueError) as error:
        raise fail(str(error)) from error
    typer.echo(json.dumps(metrics, indent=2))


def trim_encoder(
    source: Annotated[
        str,
        typer.Argument(help="Folder or Hugging Face name of an encoder with a unigram vocabulary."),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    corpus: Annotated[
        list[Path], typer.Option(help="JSON lines (plain or .gz) that say which words are used.")
    ],
    size: Annotated[int, typer.Option(min=1000, help="Most words kept.")] = 40_000,
) -> None:
    """Shrink an encoder to the vocabulary of a corpus, before `train`."""
    from models.training.trim import trim_encoder as run

    run(source, out, corpus, size=size)
