"""Makes an entity of a company that no list has, from its name in a text.

The same name gives the same id, however it is written: ``Quillmere Bancorp Inc.``, ``QUILLMERE
BANCORP`` and ``Quillmere Bancorp's`` are ``name:quillmere-bancorp``. Pure.
"""

import re
from importlib import resources
from urllib.parse import urlsplit

from models.entities.aliases import plain
from models.entities.gazetteer import Entity
from models.entities.names import LEGAL, has_han, readable

KIND = "unlisted"
"""The kind of such an entity; those of the gazetteer are a "company"."""
ID_PREFIX = "name:"
"""How its id begins."""

_LONGEST = 60
# Three letters in capitals are mostly an agency, an index or a unit: OPEC, FDIC, ETF, CEO.
_ACRONYM = 4
_MIN_LATIN, _MIN_HAN = 3, 2
_GROUP = frozenset(("group", "holding", "holdings"))
_WORD = re.compile(r"[^\W_]+(?:['&.+-]+[^\W_]+)*|&")
_HAN_TAIL = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|公司|集团|控股|股份)$")
_NO_NAME = re.compile(r"https?:|www\.|[@/\\<>{}\n]")
_EDGES = " \"'.,;:!?()[]-&*|·《》〈〉「」『』【】、。…"


def bare(surface: str) -> str:
    """A name as it is written, without quotes, article and possessive."""
    name = plain(surface).strip(_EDGES).removesuffix("'s").removesuffix("'S")
    return re.sub(r"^(?:the|The|THE) ", "", name).strip(_EDGES)


def _read(file: str) -> frozenset[str]:
    lines = (resources.files("models.entities") / file).read_text(encoding="utf-8").splitlines()
    return frozenset(bare(line).lower() for line in lines)


# Words for companies, markets and authorities that models take for a company's name.
_COMMON = _read("common_names.txt")
# Outlets, platforms and rating agencies: news names them as where something was said.
_SPEAKERS = _read("speakers.txt")


def core(surface: str) -> tuple[str, ...]:
    """The words of a name without its legal form, in lower case; the same for one company.

    ``Quillmere Bancorp, Inc.`` gives quillmere and bancorp; 包商银行有限公司 gives 包商银行.
    """
    name = bare(surface)
    if has_han(name):
        name = "".join(name.split())
        while len(shorter := _HAN_TAIL.sub("", name)) >= _MIN_HAN and shorter != name:
            name = shorter
        return (name.lower(),)
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and (words[-1].replace(".", "") in LEGAL | _GROUP or words[-1] == "&"):
        words.pop()
    return tuple(words)


def is_speaker(surface: str) -> bool:
    """Whether news names it as where something was said, rather than as what it is about."""
    return bare(surface).lower() in _SPEAKERS or " ".join(core(surface)) in _SPEAKERS


def unlisted(surface: str, *, source: str = "") -> Entity | None:
    """Make an entity of a name that a model takes for a company's.

    Args:
        surface: As the text writes it.
        source: Who published the text: it is not what the text is about.

    Returns:
        None if it cannot be a company's name, or hardly: an address, a common noun, a short
        acronym, an outlet, the source itself.
    """
    name, words = bare(surface), core(surface)
    if _NO_NAME.search(surface.strip()) or not _MIN_HAN <= len(name) <= _LONGEST:
        return None
    if name.lower() in _COMMON or " ".join(words) in _COMMON or is_speaker(surface):
        return None
    possible = _is_han_name(words) if has_han(name) else _is_latin_name(name, words)
    if not possible or _is_source(words, source):
        return None
    return Entity(f"{ID_PREFIX}{'-'.join(words)}", readable(name), KIND)


def _is_han_name(words: tuple[str, ...]) -> bool:
    return len(words[0]) >= _MIN_HAN


def _is_latin_name(name: str, words: tuple[str, ...]) -> bool:
    letters = "".join(filter(str.isalpha, "".join(words)))
    if len(letters) < _MIN_LATIN or name == name.lower() or words[0] in LEGAL:
        return False
    return not (len(words) == 1 and name.isupper() and len(letters) <= _ACRONYM)


def _is_source(words: tuple[str, ...], source: str) -> bool:
    host = urlsplit(source).hostname or source if "://" in source else source
    letters = "".join(filter(str.isalnum, plain(host).lower().removeprefix("www.")))
    own = "".join(filter(str.isalnum, "".join(words)))
    if min(len(own), len(letters)) < _MIN_LATIN:
        return False
    return letters.startswith((own, "the" + own)) or own.startswith(letters)
