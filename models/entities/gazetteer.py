"""Finds companies in English and Chinese text by their names and marked symbols.

A gazetteer knows no grammar: what protects it from common words and namesakes is the mark of each
alias (``table``) and the words around it (``evidence``). What a model adds: ``linking``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from models.entities.aliases import (
    ANCHOR,
    ANY_CASE,
    OWN,
    OWN_ANY_CASE,
    OWN_WRITTEN,
    SHORT,
    Alias,
    Place,
    anchor,
    is_among_chinese,
    is_foreign_letters,
    is_spelled,
    persons,
    plain,
)
from models.entities.chinese import LONGEST_SHORT_NAME, is_cut, load_words
from models.entities.evidence import beside, is_venue, near, not_a_thing, strict
from models.entities.exchanges import yahoo
from models.entities.names import has_han, stands_alone
from models.entities.table import NO_ENTITY, TICKER, CompaniesError, read_own, read_rows
from models.entities.tickers import find_tickers

_EVIDENCE = {"%": not_a_thing, "?": near, "!": beside, "^": strict}
_MARKS = frozenset((ANY_CASE, *_EVIDENCE))
# "Target (TGT)": a bare symbol in brackets only confirms the name before it.
_BRACKETED = re.compile(r"(?:,? (?:Inc|Corp|Co|Ltd|Group|Holdings)\.?)? ?\(\$?([A-Z]{1,5})\)")
_BARE_SYMBOL = re.compile(r"[A-Z]{2,5}")


@dataclass(frozen=True, slots=True)
class Entity:
    """A company that a text speaks of.

    Attributes:
        id: Symbol of its main listing as Yahoo writes it, or a name of its own.
    """

    id: str
    name: str
    kind: str = "company"


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where a text names a company: ``text[start:end]``."""

    start: int
    end: int
    entity: Entity


class Trust(IntEnum):
    """What speaks for a name."""

    NONE = 0  # a phrase or a stadium that is no company
    WEAK = 1  # a common word or a person's name, without evidence
    FAIR = 2  # evidence, or a name of one word that hardly means anything else
    SURE = 3  # a symbol, a long name, or the user's own


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place where a text may name a company: ``text[start:end]``; see ``Trust``."""

    start: int
    end: int
    entity: Entity
    trust: Trust


class Gazetteer:
    """An index of names; immutable once loaded, safe to share among threads."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}
        self._symbols: dict[str, str] = {}
        self._index: dict[str, list[Alias]] = {}
        self._chinese_words = load_words()

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> "Gazetteer":
        """The shipped table and the user's own companies, which come first.

        A company of the user's with a shipped id renames that company and adds aliases to it; an
        alias of the user's belongs to the user's company alone and needs no evidence.

        Args:
            extra: CSV files with the columns ``id,name,aliases``.

        Returns:
            A gazetteer that is ready to use.

        Raises:
            CompaniesError: If one of the files cannot be read, lacks a column, an id or a name,
                or an alias has neither a word nor two Chinese characters.
        """
        gazetteer = cls()
        for row in read_rows():
            gazetteer._add(Entity(row.id, row.name, row.kind), row.aliases)
        for path in extra:
            for key, name, aliases in read_own(path):
                if hopeless := [alias for alias in (name, *aliases) if not anchor(alias)[0]]:
                    msg = f"{path}: cannot look for {hopeless[0]!r}: no word in it"
                    raise CompaniesError(msg)
                gazetteer._add_own(Entity(key, name), aliases)
        for aliases_here in gazetteer._index.values():
            aliases_here.sort(key=lambda alias: (alias.mark not in OWN, -len(alias.lower)))
        return gazetteer

    def find(self, text: str) -> list[Entity]:
        """The companies that a text names, each once, in the order of first mention."""
        return list(dict.fromkeys(mention.entity for mention in self.mentions(text)))

    def mentions(self, text: str) -> list[Mention]:
        """Every place where a text names a company, in order; no two overlap."""
        return [
            Mention(found.start, found.end, found.entity)
            for found in self.candidates(text)
            if found.trust >= Trust.FAIR
        ]

    def candidates(self, text: str) -> list[Candidate]:
        """Every place where a text may name a company, in order; no two overlap."""
        folded = plain(text)
        tickers = list(find_tickers(folded, self._symbols))
        places = [
            place._replace(mark="?") if is_foreign_letters(folded, place) else place
            for place in self._places(folded)
            if not any(start < place.end and place.start < end for start, end, _ in tickers)
        ]
        people = persons(folded, places)
        named = {place for place in places if folded[place.start : place.end] not in people}
        sure = {key for _, _, key in tickers} | {n.id for n in named if n.mark not in _EVIDENCE}
        found = [Candidate(a, b, self._entities[key], Trust.SURE) for a, b, key in tickers]
        for place in places:
            trust = Trust.WEAK if place not in named else self._trust(folded, place, sure)
            found.append(Candidate(place.start, place.end, self._entities[place.id], trust))
        return sorted(found, key=lambda candidate: candidate.start)

    def named(self, name: str) -> Entity | None:
        """The company that goes by this name or symbol, given that it is a company's.

        Case counts only where it must: for symbols, and for names of three letters.
        """
        written = plain(name)
        lower = written.lower()
        for alias in self._index.get(anchor(lower)[0], ()):
            fits = len(written) > SHORT and written != lower
            if alias.lower == lower and (fits or is_spelled(written, alias)):
                return self._entities[alias.id]
        symbol = self._symbols.get(written) if _BARE_SYMBOL.fullmatch(written) else None
        return self._entities[symbol] if symbol else None

    def _trust(self, text: str, place: Place, sure: set[str]) -> Trust:
        if place.id == NO_ENTITY or (place.mark not in OWN and is_venue(text, place.end)):
            return Trust.NONE
        if place.mark in _EVIDENCE:
            supported = place.id in sure or self._supported(text, place)
            return Trust.FAIR if supported else Trust.WEAK
        name = text[place.start : place.end]
        long = len(name) > LONGEST_SHORT_NAME if has_han(name) else " " in name
        return Trust.SURE if long or place.mark in OWN else Trust.FAIR

    def _supported(self, text: str, name: Place) -> bool:
        """Whether the words around a name that needs evidence give it."""
        symbol = _BRACKETED.match(text, name.end)
        if symbol and self._symbols.get(symbol[1]) == name.id:
            return True
        chinese = has_han(text[name.start : name.end]) or is_among_chinese(text, name)
        return _EVIDENCE[name.mark](text, name.start, name.end, chinese=chinese)

    def _add(self, entity: Entity, aliases: Sequence[str]) -> None:
        self._entities[entity.id] = entity
        for alias in aliases:
            if alias.startswith(TICKER):
                self._symbols[alias[1:]] = entity.id
            elif alias[:1] in _MARKS:
                self._index_alias(alias[1:], alias[0], entity.id)
            else:
                self._index_alias(alias, "", entity.id)

    def _add_own(self, entity: Entity, aliases: Sequence[str]) -> None:
        self._entities[entity.id] = entity
        for alias in dict.fromkeys((entity.name, *aliases)):
            if alias.startswith(TICKER):
                self._symbols[yahoo(alias[1:])] = entity.id
                continue
            lower = plain(alias).lower()
            key, _ = anchor(lower)
            self._index[key] = [a for a in self._index.get(key, []) if a.lower != lower]
            # A name of one word may be a common word in lower case.
            self._index_alias(alias, OWN_ANY_CASE if " " in alias else OWN_WRITTEN, entity.id)

    def _index_alias(self, alias: str, mark: str, key: str) -> None:
        written = plain(alias)
        lower = written.lower()
        at, offset = anchor(lower)
        if at:
            self._index.setdefault(at, []).append(Alias(lower, written, mark, key, offset))

    def _places(self, text: str) -> Iterator[Place]:
        """Names in the text, longest first at each place, none overlapping another."""
        lower = text.lower()
        free = 0
        index = self._index
        for hit in ANCHOR.finditer(lower):
            aliases = index.get(hit[1] or hit[0])
            if aliases is None:
                continue
            for alias in aliases:
                start = hit.start() - alias.offset
                if start < free or not lower.startswith(alias.lower, start):
                    continue
                end = start + len(alias.lower)
                if self._fits(text, start, end, alias):
                    free = end
                    yield Place(start, end, alias.id, alias.mark)
                    break

    def _fits(self, text: str, start: int, end: int, alias: Alias) -> bool:
        """Whether the alias is spelled so in the text and stands there as a name of its own."""
        if not is_spelled(text[start:end], alias) or not stands_alone(text, start, end):
            return False
        return alias.mark in OWN or not is_cut(text, start, end, self._chinese_words)
