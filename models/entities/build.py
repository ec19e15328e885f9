"""Builds ``companies.csv.gz`` from the public lists and the hand-made supplement.

``tapewatch build-companies DIR`` calls it. The same input gives the same bytes.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from models.entities.chinese import write_words
from models.entities.exchanges import suffix
from models.entities.merge import Company, merge
from models.entities.names import chinese_names, fold, has_han, short_names
from models.entities.sources import LARGE, read_all
from models.entities.strength import Mark, common_chinese_words, judge
from models.entities.table import COLUMNS, NO_ENTITY, TICKER, Row

_REMOVED = "-"
_HAND = LARGE + 1
# A company over the counter or a fund family lists many symbols; the first are its shares.
_MOST_SYMBOLS = 3
_MARKS = tuple(mark.value for mark in Mark if mark.value)


@dataclass(slots=True)
class _Draft:
    """A row while it is made; ``marks`` maps an alias to its mark."""

    row: Row
    size: int
    marks: dict[str, str] = field(default_factory=dict)
    tickers: list[str] = field(default_factory=list)

    @property
    def spelled(self) -> dict[str, str]:
        return {fold(alias).lower(): alias for alias in self.marks}


def build(source: Path) -> list[Row]:
    """All companies of the lists in a folder, with the names that text is searched for."""
    drafts = [_draft(company) for company in merge(read_all(source)) if company.known]
    by_symbol = {symbol: draft for company, draft in drafts for symbol in _symbols_of(company)}
    made = _without_repeated_ids([*(draft for _, draft in drafts), *_supplement(by_symbol)])
    _give_each_alias_to_one(made)
    rows = [_row(draft) for draft in made]
    return sorted((row for row in rows if row.aliases), key=lambda row: row.id)


def write(rows: Iterable[Row], out: Path) -> None:
    """Write the table; equal rows give equal bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            (row.id, row.name, row.kind, "|".join(row.aliases), row.sector, row.country)
        )
    out.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def write_chinese_words(rows: Iterable[Row], out: Path) -> None:
    """Write the words that ``chinese.is_cut`` needs for the Chinese names of these rows."""
    names = {alias.lstrip("".join(_MARKS)) for row in rows for alias in row.aliases}
    write_words(filter(has_han, names), common_chinese_words(), out)


def _symbols_of(company: Company) -> list[str]:
    return [listing.symbol for listing in company.listings]


def _draft(company: Company) -> tuple[Company, _Draft]:
    row = Row(company.id, company.name, "company", (), company.sector, company.country)
    draft = _Draft(row, company.size)
    for alias in _names_of(company):
        mark = judge(alias, company.size)
        if mark is not None:
            draft.marks.setdefault(alias, mark.value)
    draft.tickers = _tickers(company)
    return company, draft


def _names_of(company: Company) -> list[str]:
    """English names first, then Chinese ones; the fewest that find all that is written."""
    well_known = company.size == LARGE
    names: list[str] = []
    for listing in sorted(company.listings, key=lambda x: -x.trust):
        if listing.name and not has_han(listing.name) and (listing.home or not names):
            names += short_names(listing.name, well_known=well_known)
        elif has_han(listing.name):
            names += chinese_names(listing.name)
        names += [*listing.chinese, *listing.aliases]
    distinct: dict[str, str] = {}
    for name in names:
        key = fold(name).lower()
        # Written in capitals by one list and as usual by another: as usual.
        if key not in distinct or (distinct[key].isupper() and not name.isupper()):
            distinct[key] = name
    return list(distinct.values())


def _tickers(company: Company) -> list[str]:
    american = [x.symbol for x in company.listings if x.home and not suffix(x.symbol)]
    american = list(dict.fromkeys(american))[:_MOST_SYMBOLS]
    foreign = [x.symbol for x in company.listings if x.home and suffix(x.symbol)]
    return list(dict.fromkeys([company.id, *american, *foreign]))


def _without_repeated_ids(drafts: list[_Draft]) -> list[_Draft]:
    """Of companies that would get the same id, the largest."""
    best: dict[str, _Draft] = {}
    for draft in drafts:
        if draft.row.id not in best or draft.size > best[draft.row.id].size:
            best[draft.row.id] = draft
    return list(best.values())


def _supplement(by_symbol: dict[str, _Draft]) -> list[_Draft]:
    """Apply the hand-made rows: to the company that has the listing, or as a new one."""
    new: list[_Draft] = []
    path = resources.files("models.entities") / "supplement.csv"
    for line in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        draft = by_symbol.get(line["listing"]) if line["listing"] else None
        if draft is None:
            draft = _Draft(Row(line["id"], line["name"], line["kind"], ()), _HAND)
            new.append(draft)
        old = draft.row
        draft.row = Row(
            line["id"],
            line["name"] or old.name,
            line["kind"] or old.kind,
            (),
            old.sector or line["sector"],
            old.country or line["country"],
        )
        draft.size = _HAND
        by_rule = draft.spelled
        for alias in line["aliases"].split("|"):
            _apply(draft, alias, by_rule)
    return new


def _apply(draft: _Draft, alias: str, by_rule: dict[str, str]) -> None:
    """Put one hand-made alias in the place of what the rules made of the same name."""
    if alias.startswith(TICKER):
        draft.tickers.append(alias[1:])
        return
    mark, text = (alias[0], alias[1:]) if alias[0] in (*_MARKS, _REMOVED) else ("", alias)
    draft.marks.pop(by_rule.pop(fold(text).lower(), ""), None)
    if mark != _REMOVED:
        draft.marks[text] = mark


def _give_each_alias_to_one(drafts: Sequence[_Draft]) -> None:
    """A name that several companies share goes to the greatest, of two large ones to the first.

    Where the greatest are equals and small, nobody has it.
    """
    owners: dict[str, list[_Draft]] = {}
    for draft in drafts:
        for key in draft.spelled:
            owners.setdefault(key, []).append(draft)
    for key, sharing in owners.items():
        if len(sharing) == 1:
            continue
        sharing.sort(key=lambda draft: -draft.size)
        tie = sharing[0].size == sharing[1].size
        losers = sharing if tie and sharing[0].size < LARGE else sharing[1:]
        for draft in losers:
            del draft.marks[draft.spelled[key]]


def _row(draft: _Draft) -> Row:
    names = [mark + alias for alias, mark in draft.marks.items()]
    # A small foreign company that has no name left to look for would only take room.
    if not names and draft.row.id != NO_ENTITY and suffix(draft.row.id):
        return draft.row
    tickers = [TICKER + symbol for symbol in dict.fromkeys(draft.tickers) if "/" not in symbol]
    row = draft.row
    return Row(row.id, row.name, row.kind, (*names, *tickers), row.sector, row.country)
