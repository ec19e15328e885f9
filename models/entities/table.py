"""The table of companies: how one line of ``companies.csv.gz`` reads.

``aliases`` are joined by ``|``. A sign in front of each says what it takes to match it. None: as
written, or in capitals. ``~``: in any case. ``%``: as written, unless it reads as a thing that one
has. ``?``: with a word of business in the same sentence. ``!``: with one right beside it. ``^``:
with a legal form or a word of the stock market beside it. ``$``: a symbol, matched only in a form
that marks it as one. The id ``-`` collects phrases that are no company although a part of them is
the name of one.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

COLUMNS = ("id", "name", "kind", "aliases", "sector", "country")
TICKER = "$"
NO_ENTITY = "-"
_FILE = "companies.csv.gz"


class CompaniesError(ValueError):
    """A file of the user's own companies cannot be used; the text names it and what is wrong."""


@dataclass(frozen=True, slots=True)
class Row:
    """One company; each alias begins with its sign, if it has one."""

    id: str
    name: str
    kind: str
    aliases: tuple[str, ...]
    sector: str = ""
    country: str = ""


def read_rows(path: Path | None = None) -> Iterator[Row]:
    """The rows of a table, by default of the one that is shipped."""
    raw = path.read_bytes() if path else (resources.files("models.entities") / _FILE).read_bytes()
    lines = csv.reader(gzip.decompress(raw).decode().splitlines())
    next(lines)
    for key, name, kind, aliases, sector, country in lines:
        yield Row(key, name, kind, tuple(aliases.split("|")), sector, country)


def read_own(path: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Id, name and aliases of a user's own companies.

    Args:
        path: A CSV file with the columns ``id,name,aliases``; aliases are joined by ``|``.

    Yields:
        One company a line; its aliases may be none.

    Raises:
        CompaniesError: If it cannot be read as one, a column is missing, or a line has no id or
            name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not {"id", "name", "aliases"} <= set(lines.fieldnames or ()):
                raise CompaniesError(f"{path}: needs the columns id,name,aliases")
            for number, line in enumerate(lines, start=2):
                key, name = (line["id"] or "").strip(), (line["name"] or "").strip()
                if not key or not name:
                    raise CompaniesError(f"{path}, line {number}: id and name must not be empty")
                aliases = (alias.strip() for alias in (line["aliases"] or "").split("|"))
                yield key, name, tuple(alias for alias in aliases if alias)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CompaniesError(f"cannot read the companies in {path}: {error}") from error
