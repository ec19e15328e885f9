"""`tapewatch detect`: an anomaly score for each row of a plain series, with nothing stored."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from alerts.streaming import StreamingDetector
from pipeline.cli.fail import fail

_COLUMNS = ("timestamp", "value")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def _rows(path: Path, stack: ExitStack) -> Iterator[tuple[int, str, str, datetime, float]]:
    """Yield line number, both fields as they are written, time (UTC if no zone) and value."""
    if not path.is_file():
        raise fail(f"there is no file {path}")
    reader = csv.DictReader(stack.enter_context(path.open(encoding="utf-8-sig", newline="")))
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise fail(f"{path} has no column {missing[0]}: its first line must be timestamp,value")
    for row in reader:
        timestamp, value = row["timestamp"] or "", row["value"] or ""
        line = reader.line_num
        try:
            at = datetime.fromisoformat(timestamp.strip())
        except ValueError as error:
            raise fail(
                f'line {line}: "{timestamp}" is no time; write it as 2015-02-26 21:42:53'
            ) from error
        try:
            number = _number(value)
        except ValueError as error:
            raise fail(
                f'line {line}: "{value}" is no finite number; leave such rows out'
            ) from error
        yield line, timestamp, value, at if at.tzinfo else at.replace(tzinfo=UTC), number


def _score(path: Path, stack: ExitStack) -> Iterator[tuple[str, str, str]]:
    detector = StreamingDetector()
    seen = False
    for line, timestamp, value, at, number in _rows(path, stack):
        seen = True
        try:
            score = detector.score(at, number)
        except ValueError as error:
            raise fail(f"line {line}: {error}") from error
        yield timestamp, value, f"{score:.6f}"
    if not seen:
        raise fail(f"{path} has no rows")


def detect(
    series: Annotated[Path, typer.Argument(help="CSV with the columns timestamp and value.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write here, not to standard output.")
    ] = None,
) -> None:
    """Score each row of a series of counts: `timestamp,value,anomaly_score`.

    A score of 0.5 or more is an alert. It depends on the rows before it alone.
    """
    if output is not None and output.exists() and series.exists() and output.samefile(series):
        raise fail(f"{output} is the input: name another file to write to")
    with ExitStack() as stack:
        try:
            scored = list(_score(series, stack))
        except (UnicodeDecodeError, csv.Error) as error:
            raise fail(f"{series} is not a CSV file in UTF-8: {error}") from error
        target: TextIO = sys.stdout
        if output is not None:
            try:
                target = stack.enter_context(output.open("w", encoding="utf-8", newline=""))
            except OSError as error:
                raise fail(f"cannot write {output}: {error.strerror}") from error
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow((*_COLUMNS, "anomaly_score"))
        writer.writerows(scored)
