"""Finds companies in English and Chinese text by their names and marked symbols.

A gazetteer knows no grammar: what protects it from common words and namesakes is the mark of each
alias (``table``) and the words around it (``evidence``).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from models.entities.chinese import is_cut, load_words
from models.entities.evidence import beside, is_person, is_venue, near, not_a_thing, strict
from models.entities.exchanges import yahoo
from models.entities.names import fold, has_han, stands_alone
from models.entities.table import NO_ENTITY, TICKER, read_own, read_rows
from models.entities.tickers import find_tickers

_ANY_CASE = "~"
# Marks that only the user's own aliases have: any case, and as written.
_OWN_ANY_CASE, _OWN_WRITTEN = "own~", "own"
_OWN = frozenset((_OWN_ANY_CASE, _OWN_WRITTEN))
_SHORT = 3
_EVIDENCE = {"%": not_a_thing, "?": near, "!": beside, "^": strict}
_MARKS = frozenset((_ANY_CASE, *_EVIDENCE))
# A Latin word, or two Chinese characters at every position: where an alias may begin.
_ANCHOR = re.compile(r"[^\W_\u3400-\u9fff]+|(?=([\u3400-\u9fff]{2}))")
# "Target (TGT)": a bare symbol in brackets only confirms the name before it.
_BRACKETED = re.compile(r"(?:,? (?:Inc|Corp|Co|Ltd|Group|Holdings)\.?)? ?\(\$?([A-Z]{1,5})\)")
_WORD = re.compile(r"[^\W_\u3400-\u9fff]+")
_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


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


class _Alias(NamedTuple):
    """``offset`` is how far its anchor stands behind its beginning."""

    lower: str
    written: str
    mark: str
    id: str
    offset: int


class _Candidate(NamedTuple):
    start: int
    end: int
    id: str
    mark: str


class Gazetteer:
    """An index of names; immutable once loaded, safe to share among threads."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}
        self._symbols: dict[str, str] = {}
        self._index: dict[str, list[_Alias]] = {}
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
            ValueError: If one of the files lacks a column, an id or a name, or an alias has
                neither a word nor two Chinese characters.
        """
        gazetteer = cls()
        for row in read_rows():
            gazetteer._add(Entity(row.id, row.name, row.kind), row.aliases)
        for path in extra:
            for key, name, aliases in read_own(path):
                if hopeless := [alias for alias in (name, *aliases) if not _anchor(alias)[0]]:
                    msg = f"{path}: cannot look for {hopeless[0]!r}: no word in it"
                    raise ValueError(msg)
                gazetteer._add_own(Entity(key, name), aliases)
        for aliases_here in gazetteer._index.values():
            aliases_here.sort(key=lambda alias: (alias.mark not in _OWN, -len(alias.lower)))
        return gazetteer

    def find(self, text: str) -> list[Entity]:
        """The companies that a text names, each once, in the order of first mention."""
        return list(dict.fromkeys(mention.entity for mention in self.mentions(text)))

    def mentions(self, text: str) -> list[Mention]:
        """Every place where a text names a company, in order; no two overlap."""
        folded = fold(text)
        tickers = list(find_tickers(folded, self._symbols))
        names = _without_persons(folded, list(self._candidates(folded)))
        names = [
            name._replace(mark="?") if _foreign_letters(folded, name) else name for name in names
        ]
        sure = {key for _, _, key in tickers} | {n.id for n in names if n.mark not in _EVIDENCE}
        found = [Mention(start, end, self._entities[key]) for start, end, key in tickers]
        for name in names:
            if name.id == NO_ENTITY or (name.mark not in _OWN and is_venue(folded, name.end)):
                continue
            if name.id not in sure and not self._supported(folded, name):
                continue
            if not any(start < name.end and name.start < end for start, end, _ in tickers):
                found.append(Mention(name.start, name.end, self._entities[name.id]))
        return sorted(found, key=lambda mention: mention.start)

    def _supported(self, text: str, name: _Candidate) -> bool:
        """Whether the words around a name that needs evidence give it."""
        symbol = _BRACKETED.match(text, name.end)
        if symbol and self._symbols.get(symbol[1]) == name.id:
            return True
        chinese = has_han(text[name.start : name.end]) or _among_chinese(text, name)
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
            lower = fold(alias).lower()
            key, _ = _anchor(lower)
            self._index[key] = [a for a in self._index.get(key, []) if a.lower != lower]
            # A name of one word may be a common word in lower case.
            self._index_alias(alias, _OWN_ANY_CASE if " " in alias else _OWN_WRITTEN, entity.id)

    def _index_alias(self, alias: str, mark: str, key: str) -> None:
        written = fold(alias)
        lower = written.lower()
        anchor, offset = _anchor(lower)
        if anchor:
            entry = _Alias(lower, written, mark, key, offset)
            self._index.setdefault(anchor, []).append(entry)

    def _candidates(self, text: str) -> Iterator[_Candidate]:
        """Names in the text, longest first at each place, none overlapping another."""
        lower = text.lower()
        free = 0
        index = self._index
        for anchor in _ANCHOR.finditer(lower):
            aliases = index.get(anchor[1] or anchor[0])
            if aliases is None:
                continue
            for alias in aliases:
                start = anchor.start() - alias.offset
                if start < free or not lower.startswith(alias.lower, start):
                    continue
                end = start + len(alias.lower)
                if self._fits(text, start, end, alias):
                    free = end
                    yield _Candidate(start, end, alias.id, alias.mark)
                    break

    def _fits(self, text: str, start: int, end: int, alias: _Alias) -> bool:
        """Whether the alias is spelled so in the text and stands there as a name of its own."""
        if not _spelled(text[start:end], alias) or not stands_alone(text, start, end):
            return False
        return alias.mark in _OWN or not is_cut(text, start, end, self._chinese_words)


def _anchor(lower: str) -> tuple[str, int]:
    """What an alias is looked up by, and where in it that stands: Chinese before Latin."""
    found = _PAIR.search(lower) or _WORD.search(lower)
    return (found.group(), found.start()) if found else ("", 0)


def _spelled(found: str, alias: _Alias) -> bool:
    """Whether the case fits; an alias in capitals only matches in capitals."""
    if alias.mark in (_ANY_CASE, _OWN_ANY_CASE) or found == alias.written:
        return True
    if alias.mark not in ("", _OWN_WRITTEN) or len(found) <= _SHORT or alias.written.isupper():
        return False
    # "SpiceJet" is also written "Spicejet".
    camel_case = found[0].isupper() and found.isalpha() and not alias.written[1:].islower()
    return found.isupper() or camel_case


def _among_chinese(text: str, name: _Candidate) -> bool:
    """Whether a Chinese character stands beside a Latin name or one space away."""
    around = text[max(0, name.start - 2) : name.start] + text[name.end : name.end + 2]
    return has_han(around)


def _foreign_letters(text: str, name: _Candidate) -> bool:
    """Whether two letters stand in Chinese text, where they mean many things."""
    letters = text[name.start : name.end]
    return (
        len(letters) < _SHORT and not name.mark and letters.isascii() and _among_chinese(text, name)
    )


def _without_persons(text: str, names: list[_Candidate]) -> list[_Candidate]:
    """Drop one-word names that are a person's somewhere in the text: Allen Lazard, then Lazard."""
    persons = {
        text[name.start : name.end]
        for name in names
        if name.mark not in _OWN
        and is_person(text, name.start)
        and text[name.start : name.end].removesuffix("'s").isalpha()
    }
    if not persons:
        return names
    return [name for name in names if text[name.start : name.end] not in persons]
