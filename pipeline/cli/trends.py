"""`tapewatch trends`: a series as a table, CSV or JSON."""

from __future__ import annotations

import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    import pandas as pd

    from db.engine import Session
    from db.rows import SeriesKey
    from pipeline.series import Trend
    from pipeline.settings import Settings


# All columns side by side, where no terminal says how wide it is.
_FILE_WIDTH = 100


class Format(StrEnum):
    """How a trend is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def trends(
    *,
    entity: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A company: its name, an alias, or its symbol."),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="NAME", help="A topic (docs/topic-taxonomy.md).")
    ] = None,
    window: Annotated[str, typer.Option(help="Length of a row: 5m, 1h, 1d.")] = "1h",
    since: Annotated[
        str, typer.Option(help="2023-03-09, 2023-03-09T12:00Z, or 7d before the end.")
    ] = "7d",
    until: Annotated[
        str | None, typer.Option(help="The end; the newest item where it is not given.")
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="By the ending of --output, else a table."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, help="Write here, not on the terminal."),
    ] = None,
) -> None:
    """Show how much was written about a company or a topic, and in what tone, over time.

    Without either it is the whole market. All times are event times in UTC. Accounts are items that
    are no copies; rows without any item are left out.
    """
    if entity is not None and topic is not None:
        raise fail("give --entity or --topic, not both", status=WRONG_USE)
    chosen = form or _by_ending(output)
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings
    from pipeline.series import newest_item_at, parse_duration, read_trend

    settings = load_settings()
    length = parse_duration(window)
    with open_session(settings) as session:
        key = _series(session, settings, entity, topic)
        newest = newest_item_at(session, settings.kafka.raw_topic)
        told = read_trend(session, key, window=length, since=since, until=until, newest=newest)
    frame = to_frame(told)
    if chosen is Format.TABLE and output is None:
        _print_table(told, frame)
        return
    _write(_text(frame, chosen), output)


def to_frame(told: Trend) -> pd.DataFrame:
    """Return a trend as a table with one row a bucket, with the share of negative accounts."""
    from dataclasses import asdict

    import pandas as pd

    from db.rows import TrendRow

    columns = list(TrendRow.__dataclass_fields__)
    frame = pd.DataFrame([asdict(row) for row in told.rows], columns=columns)
    frame["start"] = pd.to_datetime(frame["start"], utc=True)
    frame["negative_share"] = (
        frame["negative"] / frame["accounts"].where(frame["accounts"] > 0)
    ).round(4)
    frame["mean_score"] = frame["mean_score"].astype(float).round(4)
    return frame


def _series(
    session: Session, settings: Settings, entity: str | None, topic: str | None
) -> SeriesKey:
    from db.rows import MARKET, ScopeKind
    from pipeline.series import find_one

    if entity is not None:
        companies = settings.model.companies
        return find_one(session, ScopeKind.ENTITY, entity, companies=companies)[0]
    if topic is not None:
        return find_one(session, ScopeKind.TOPIC, topic)[0]
    return MARKET


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return Format.TABLE
    try:
        return Format(output.suffix.lstrip(".").lower())
    except ValueError as error:
        raise fail(f"say how to write {output}: --format csv or json", status=WRONG_USE) from error


def _text(frame: pd.DataFrame, form: Format) -> str:
    if form is Format.TABLE:
        return frame.to_string(index=False) + "\n"
    times = frame.assign(start=frame["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if form is Format.CSV:
        return times.to_csv(index=False, lineterminator="\n")
    return times.to_json(orient="records", lines=False, indent=2, force_ascii=False) + "\n"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(f"cannot write {output}: {error.strerror}") from error


def _print_table(told: Trend, frame: pd.DataFrame) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    title = f"{told.name}, {told.since:%Y-%m-%d %H:%M} to {told.until:%Y-%m-%d %H:%M} UTC"
    if frame.empty:
        console.print(Text(f"{title}: no news"))
        return
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("start", no_wrap=True)
    for name in frame.columns[1:]:
        table.add_column(name.replace("_", " "), justify="right", min_width=5, overflow="fold")
    for row in frame.itertuples(index=False):
        start, *numbers = row
        table.add_row(f"{start:%Y-%m-%d %H:%M}", *map(_cell, numbers))
    console.print(table)


def _cell(value: float) -> str:
    if math.isnan(value):  # no account in the bucket
        return ""
    return f"{value:g}" if value == int(value) else f"{value:.2f}"
