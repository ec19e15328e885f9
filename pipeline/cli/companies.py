"""``tapewatch build-companies``: build the table of companies from the public lists."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail

_TABLE, _WORDS = "companies.csv.gz", "chinese_words.txt.gz"


def build_companies(
    source_dir: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder with the public lists (docs/entities.md names them).",
            exists=True,
            file_okay=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write the table to; `models/entities` replaces the shipped one.",
            file_okay=False,
        ),
    ] = Path("models/entities"),
) -> None:
    """Build the table of companies that news is searched for.

    Needs the packages jieba and wordfreq, which nothing else needs.
    """
    try:
        from models.entities.build import build, write, write_chinese_words

        rows = build(source_dir)
        out.mkdir(parents=True, exist_ok=True)
        write(rows, out / _TABLE)
        write_chinese_words(rows, out / _WORDS)
    except FileNotFoundError as error:
        raise fail(f"there is no file {error.filename}", status=WRONG_USE) from error
    except ModuleNotFoundError as error:
        raise fail("building needs two packages more: pip install jieba wordfreq") from error
    names = sum(len(row.aliases) for row in rows)
    size = (out / _TABLE).stat().st_size
    typer.echo(f"{out / _TABLE}: {len(rows):,} companies, {names:,} names and symbols, {size:,} B")
