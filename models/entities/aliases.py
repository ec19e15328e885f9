"""What a gazetteer keeps of one alias, and how an alias is looked up and recognised.

Which companies there are, and what evidence counts, lives in ``gazetteer``.
"""

import re
from typing import NamedTuple

from models.entities.evidence import is_person
from models.entities.names import fold, has_han
from models.normalise import plain_characters

ANY_CASE = "~"
# Marks that only the user's own aliases have: any case, and as written.
OWN_ANY_CASE, OWN_WRITTEN = "own~", "own"
OWN = frozenset((OWN_ANY_CASE, OWN_WRITTEN))
SHORT = 3

# A Latin word, or two Chinese characters at every position: where an alias may begin.
ANCHOR = re.compile(r"[^\W_\u3400-\u9fff]+|(?=([\u3400-\u9fff]{2}))")
_WORD = re.compile(r"[^\W_\u3400-\u9fff]+")
_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


class Alias(NamedTuple):
    """``offset`` is how far its anchor stands behind its beginning."""

    lower: str
    written: str
    mark: str
    id: str
    offset: int


class Place(NamedTuple):
    """Where an alias stands in a text, whatever speaks for it."""

    start: int
    end: int
    id: str
    mark: str


def plain(text: str) -> str:
    """The text as it is searched: folded, Chinese characters simplified; same length."""
    if text.isascii():
        return text
    # A line's end is where a title ends: it stays.
    return fold("\n".join(map(plain_characters, text.split("\n"))))


def anchor(lower: str) -> tuple[str, int]:
    """What an alias is looked up by, and where in it that stands: Chinese before Latin."""
    found = _PAIR.search(lower) or _WORD.search(lower)
    return (found.group(), found.start()) if found else ("", 0)


def is_spelled(found: str, alias: Alias) -> bool:
    """Whether the case fits; an alias in capitals only matches in capitals."""
    if alias.mark in (ANY_CASE, OWN_ANY_CASE) or found == alias.written:
        return True
    if alias.mark not in ("", OWN_WRITTEN) or len(found) <= SHORT or alias.written.isupper():
        return False
    # "SpiceJet" is also written "Spicejet".
    camel_case = found[0].isupper() and found.isalpha() and not alias.written[1:].islower()
    return found.isupper() or camel_case


def is_among_chinese(text: str, place: Place) -> bool:
    """Whether a Chinese character stands beside a Latin name or one space away."""
    around = text[max(0, place.start - 2) : place.start] + text[place.end : place.end + 2]
    return has_han(around)


def is_foreign_letters(text: str, place: Place) -> bool:
    """Whether two letters stand in Chinese text, where they mean many things."""
    letters = text[place.start : place.end]
    short = len(letters) < SHORT and letters.isascii()
    return short and not place.mark and is_among_chinese(text, place)


def persons(text: str, places: list[Place]) -> set[str]:
    """One-word names that are a person's somewhere in the text: Allen Lazard, then Lazard."""
    return {
        text[place.start : place.end]
        for place in places
        if place.mark not in OWN
        and is_person(text, place.start)
        and text[place.start : place.end].removesuffix("'s").isalpha()
    }
