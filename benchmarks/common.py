"""What the benchmarks share: reading suites, classifying with a bar, tables, what ran where."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import track

from models.labels import Analysis, Classifier, Span
from models.loading import ModelError, load_classifier
from models.transformer import TransformerClassifier
from pipeline.cli.fail import fail

ROOT = Path(__file__).resolve().parents[1]
SUITES = Path(__file__).resolve().parent / "suites"
SHARED_DATA = ROOT.parent / "shared" / "data"

Row = dict[str, Any]

_CHUNK = 128
_PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "psycopg", "sqlalchemy")
_errors = Console(stderr=True)


def say(text: str) -> None:
    """Write a line to standard error."""
    _errors.print(text, markup=False, highlight=False)


def read_rows(path: Path) -> list[Row]:
    """Return the objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def load(model: str) -> TransformerClassifier:
    """Load the classifier that a command line names.

    Raises:
        typer.Exit: If it cannot be loaded; standard error says why.
    """
    try:
        return load_classifier(model)
    except ModelError as error:
        raise fail(str(error)) from error


def analyse(
    classifier: Classifier,
    texts: Sequence[str],
    title: str,
    *,
    spans: Sequence[Sequence[Span]] | None = None,
) -> list[Analysis]:
    """Classify texts in order, with a progress bar on standard error."""
    told: list[Analysis] = []
    starts = range(0, len(texts), _CHUNK)
    shown = _errors.is_terminal
    for start in track(starts, title, console=_errors, transient=True, disable=not shown):
        part = slice(start, start + _CHUNK)
        told += classifier.classify(texts[part], spans=None if spans is None else spans[part])
    return told


def about(classifier: Classifier) -> Row:
    """Return which model ran, in which versions, on what machine."""
    return {"model": classifier.version, **machine()}


def machine() -> Row:
    """Return what ran in which versions, on what machine."""
    return {
        "versions": {name: version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
    }


def _processor() -> str:
    """Return the processor's name; ``platform`` leaves it empty on Linux."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table to standard output; all columns but the first to the right."""
    lines = [
        columns,
        ["---", *["---:"] * (len(columns) - 1)],
        *([_cell(value) for value in row] for row in rows),
    ]
    typer.echo(f"{title}\n")
    for line in lines:
        typer.echo(f"| {' | '.join(line)} |")
    typer.echo()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def percent(part: int, whole: int) -> str:
    """Return a share for a table, ``12.3 %``; a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def save(path: Path | None, result: Row) -> None:
    """Write a result as JSON, if a file was named."""
    if path is not None:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
