"""Reads the public lists that the gazetteer is built from, each into the same small shape."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.entities.exchanges import HOME, yahoo
from models.entities.names import NOT_A_COMPANY, base_name, chinese_names, has_han

LARGE, MIDDLE, SMALL, TINY = 3, 2, 1, 0
_SIZE = {"Mega Cap": LARGE, "Large Cap": LARGE, "Mid Cap": MIDDLE, "Small Cap": SMALL}
# The SEC's list is in order of market value: the first 1,000 begin at about 10 billion dollars.
_SEC_LARGE, _SEC_MIDDLE = 1000, 2200


@dataclass(slots=True)
class Listing:
    """One line of one list.

    Attributes:
        symbol: As Yahoo writes it.
        name: As the list writes it; empty if only a Chinese name is known.
        size: How well known by market value, 0 to 3.
        home: The exchange is in the company's own country.
        trust: How well the list writes names; the greatest names the company.
    """

    symbol: str
    name: str = ""
    chinese: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    country: str = ""
    sector: str = ""
    isin: str = ""
    company: str = ""
    size: int = TINY
    home: bool = False
    trust: int = 0


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def sec(folder: Path) -> Iterator[Listing]:
    """Companies that report to the SEC, most valuable first."""
    ranks: dict[str, int] = {}
    for row in _rows(folder / "sec_company_tickers_exchange.csv"):
        if NOT_A_COMPANY.search(row["name"]) or not row["ticker"]:
            continue
        rank = ranks.setdefault(row["cik"], len(ranks))
        # A line over the counter is a second listing of a foreign company, or a tiny one.
        main = row["exchange"] in {"NYSE", "Nasdaq", "CBOE"}
        size = LARGE if rank < _SEC_LARGE else MIDDLE if rank < _SEC_MIDDLE else SMALL
        yield Listing(
            row["ticker"].upper(),
            row["name"],
            company="cik" + row["cik"].lstrip("0"),
            size=size if main else TINY,
            home=main,
            trust=1,
        )


def sp500(folder: Path) -> Iterator[Listing]:
    """The 500 of the index, under their everyday names."""
    for row in _rows(folder / "sp500_pddl.csv"):
        yield Listing(
            row["symbol"].replace(".", "-"),
            row["name"],
            sector=row["sector"],
            country="United States",
            company="cik" + row["cik"].lstrip("0"),
            size=LARGE,
            home=True,
            trust=4,
        )


def finance_database(folder: Path) -> Iterator[Listing]:
    """Shares of the whole world; a line on a foreign exchange only serves to merge."""
    for row in _rows(folder / "financedatabase_equities_mit.csv"):
        if not row["name"] or NOT_A_COMPANY.search(row["name"]) or "^" in row["symbol"]:
            continue
        home = HOME.get(row["exchange"]) == row["country"] != ""
        home = home or (row["exchange"] == "HKG" and row["country"] in {"China", "Macau"})
        yield Listing(
            yahoo(row["symbol"]),
            row["name"],
            country=row["country"],
            sector=row["sector"],
            isin=row["isin"],
            size=_SIZE.get(row["market_cap"], TINY),
            home=home,
            trust=3 if home else 2,
        )


def a_shares(folder: Path) -> Iterator[Listing]:
    """Shares of Shanghai, Shenzhen and Beijing; those without a date no longer trade."""
    for row in _rows(folder / "a_share_zh_en.csv"):
        if not row["list_date"]:
            continue
        end = "SS" if row["code"][0] == "6" else "BJ" if row["code"][0] in "489" else "SZ"
        yield Listing(
            f"{row['code']}.{end}",
            row["name_en"],
            chinese=tuple(chinese_names(row["short_name_zh"])),
            country="China",
            sector=row["sector_en"],
            isin=row["isin"],
            home=True,
            trust=2,
        )


def stock_index(folder: Path) -> Iterator[Listing]:
    """Chinese names of Hong Kong, mainland, Taiwan, and some Korean and Japanese shares."""
    markets = {"CN": "China", "BSE": "China", "TW": "Taiwan", "KR": "South Korea", "JP": "Japan"}
    for row in _rows(folder / "stock_index_zh_en_2026.csv"):
        # Its lines of the United States only shorten the names that the SEC writes in full.
        if row["market"] == "US":
            continue
        aliases = tuple(alias for alias in row["aliases"].split("|") if alias)
        yield Listing(
            yahoo(row["symbol"]),
            row["name_en"],
            chinese=tuple(chinese_names(row["name"])),
            aliases=aliases,
            country=markets.get(row["market"], ""),
            # Who stands in this list of nicknames is well known.
            size=LARGE if aliases else TINY,
            home=True,
            trust=2,
        )


def nicknames(folder: Path) -> Iterator[Listing]:
    """Chinese names of American shares, and SEntFiN's short forms of Indian ones."""
    for row in _rows(folder / "us_names_zh_small_mit.csv"):
        yield Listing(row["symbol"], chinese=(row["name_zh"],), size=LARGE, home=True)
    for row in _rows(folder / "sentfin_entity_aliases.csv"):
        names = [name.strip() for name in row["Entity"].split(",") if name.strip()]
        # Groups of shares ("cement stocks") begin in lower case or end in no company's word.
        if not names or not names[0].endswith((".", "Ltd", "Limited")) or "- Old" in names[0]:
            continue
        short = tuple(base_name(name) for name in names[1:] if len(name) > 2 and not has_han(name))
        yield Listing(row["Symbol"] + ".NS", names[0], aliases=short, country="India", home=True)


def read_all(folder: Path) -> list[Listing]:
    """Every line of every list in the folder."""
    readers = (sp500, sec, finance_database, a_shares, stock_index, nicknames)
    return [listing for read in readers for listing in read(folder)]
