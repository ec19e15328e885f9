"""Which readings of a text's names are to be believed. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.entities.gazetteer import Gazetteer
from models.entities.names import LEGAL
from models.training.casing import SYMBOL, Casing, is_shouted

PREFIX = "It said that "
"""What the last reading of a text begins with."""

_LONGEST = 7
_SUFFIXES = LEGAL | {"group", "holdings", "bank", "&"}
# What the pipeline gets wrong again and again; the empty type is no name, or that of a thing.
_KNOWN = {
    name: kind
    for kind, names in {
        "PER": "Biden Carney Dimon Draghi Hollande Icahn Lagarde Lavrov Musk Obama Putin Rajan "
        "Thiam Trump Yellen",
        "ORG": "Allergan Asiana BoJ Caracal Covidien DirecTV Emirates Eskom Etihad Facebook Fannie "
        "Fitch Freddie Greenpeace Herbalife Instagram Lafarge LinkedIn Lululemon Netflix Numsa "
        "Priceline SingPost Tesla Twitter Valeant Woodmac Yukos",
        "LOC": "Bakken Crimea Gulf Philly US U.S. UK EU-27",
        "": "AAA ADS ADSs AI API ATM BPS Bitcoin Brent Brexit CEO CFO COO COVID COVID-19 CPI CTO "
        "Covid Cybertruck DAX DJI DJIA Dow EBITDA EPS ESG ETF ETFs EV EVs Ether Ethereum FDI FOREX "
        "FRED FTSE FX GAAP GDP GMT HR ICYMI IPO IPOs IT Jun LNG M&A MPs MXN NAV NFT NFTs NASDAQ "
        "Nasdaq Nikkei Obamacare PCE PM PMI PPI PR PSA Q1 Q2 Q3 Q4 QE QT ROI S&P SPAC SPACs SPX "
        "SPY STOXX Sensex TBV TV USD VC VIX WTI YTD YoY crypto",
    }.items()
    for name in names.split()
}
_FLIGHT = re.compile(r"[A-Z]{2}\d{2,4}")
_POSSESSIVE = re.compile(r"['’]s?$")
_INITIALS = re.compile(r"(?:\b[A-Z]\.)+[A-Z]$")


class Name(NamedTuple):
    """``text[start:end]`` is a name: a PER, an ORG or a LOC."""

    start: int
    end: int
    type: str


class Doubt(Exception):
    """A text's names cannot be told with confidence."""


def settled(
    text: str, readings: Sequence[list[Name]], casing: Casing, gazetteer: Gazetteer
) -> list[Name]:
    """The names of a text on which its readings agree.

    Raises:
        Doubt: If they do not, or if what they agree on is unlikely.
    """
    if is_shouted(text):
        raise Doubt
    companies = [_bare(text, found.start, found.end) for found in gazetteer.mentions(text)]
    *plain, moved = readings
    shift = len(PREFIX)
    back = [Name(name.start - shift, name.end - shift, name.type) for name in moved]
    agreed = {tuple(_corrected(text, names, companies)) for names in (*plain, back)}
    if len(agreed) > 1:
        raise Doubt
    names = list(agreed.pop())
    starts = {name.start for name in names}
    if any(found.start() not in starts for found in SYMBOL.finditer(text)):
        raise Doubt  # a stock symbol that nobody knows
    for name in names:
        if name not in companies:
            _check(text, name, casing)
    return names


def _corrected(text: str, names: Iterable[Name], companies: Sequence[Name]) -> list[Name]:
    """Names without what does not belong to them; the gazetteer's companies are right."""
    kept = list(companies)
    for found in names:
        name = _trimmed(text, found)
        inside = [c for c in companies if c.start < name.end and name.start < c.end]
        written = text[name.start : name.end]
        name = name._replace(type=_KNOWN.get(written, name.type))
        if not written or not name.type or _FLIGHT.fullmatch(written):
            continue
        if not inside:
            kept.append(name)
        elif any(name.start < c.start or c.end < name.end for c in inside):
            company = inside[0]
            rest = text[name.start : company.start] + text[company.end : name.end]
            if len(inside) > 1 or not all(w.strip(".,") in _SUFFIXES for w in rest.lower().split()):
                raise Doubt
            kept[kept.index(company)] = Name(name.start, name.end, "ORG")
    return sorted(kept)


def _bare(text: str, start: int, end: int) -> Name:
    """A company that the gazetteer found, without the brackets of a symbol."""
    bracketed = not text[start].isalnum() and text[start] != "$"
    return Name(start + bracketed, end - bracketed, "ORG")


def _trimmed(text: str, name: Name) -> Name:
    start, end, kind = name
    start, end = max(start, 0), min(end, len(text))
    if text[start:end].lower().startswith("the "):
        start += 4
    end -= len(found[0]) if (found := _POSSESSIVE.search(text[start:end])) else 0
    while start < end and not (text[start].isalnum() or text[start] == "$"):
        start += 1
    while start < end and not (text[end - 1].isalnum() or text[end - 2 : end] == "o!"):
        end -= 1
    if text[end : end + 1] == "." and _INITIALS.search(text[start:end]):
        end += 1
    return Name(start, end, kind)


def _check(text: str, name: Name, casing: Casing) -> None:
    """Refuse what is unlikely to be a name.

    Raises:
        Doubt: If it is.
    """
    words = text[name.start : name.end].split()
    lone = len(words) == 1
    small = not any(map(str.isupper, "".join(words)))
    common = all(casing.is_common(word) for word in words)
    symbol = text[max(0, name.start - 1) : name.start] in {"$", "@", "#"}
    digits = name.type != "ORG" and any(map(str.isdigit, "".join(words)))
    if len(words) > _LONGEST or small or (lone and common) or symbol or digits:
        raise Doubt
