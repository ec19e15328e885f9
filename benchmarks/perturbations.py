"""Changes that keep a text's meaning, to see whether the label stays.

Written apart from ``models.training.augment`` on purpose: typos are slips on the keyboard, the
link, the emoji and the hashtags are others, traditional Chinese is Taiwan's, with its own words.
The seed is fixed: the same texts are changed in the same way each time.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from opencc import OpenCC

SEED = 20240229

Change = Callable[[str, np.random.Generator], str]

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: "".join(row[max(0, i - 1) : i] + row[i + 1 : i + 2])
    for row in _ROWS
    for i, key in enumerate(row)
}
_URL = r"https?://\S+"
_LONG_WORD = re.compile(rf"{_URL}|[$#@]\w+|\b[A-Z]?[a-z]{{5,}}\b")
_CASHTAG = re.compile(r"\$(?=[A-Z])")
_LINKS = re.compile(rf"\s*{_URL}")
_STOP = re.compile(r"[.。]\s*$")
_OUTSIDE_LINKS = re.compile(rf"({_URL})")
_TO_WIDE = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
_OTHER_LINKS = ("https://reut.rs/3kQx9Zb", "http://dlvr.it/RQ7mWd")
_ZERO_WIDTH = "\u200b"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One kind of change; ``languages`` are those of the texts that it is made for."""

    name: str
    change: Change
    languages: frozenset[str]

    def apply(self, text: str) -> str:
        """Return the changed text; the text itself where there is nothing to change."""
        seed = zlib.crc32(f"{self.name}\n{text}".encode())
        return self.change(text, np.random.default_rng([SEED, seed]))


def _slip(text: str, rng: np.random.Generator) -> str:
    """Replace one letter of a longer word by the one beside it on the keyboard."""
    words = [m.span() for m in _LONG_WORD.finditer(text) if m[0].isalpha()]
    if not words:
        return text
    start, end = words[rng.integers(len(words))]
    place = int(rng.integers(start + 1, end))
    beside = _BESIDE[text[place]]
    return text[:place] + beside[rng.integers(len(beside))] + text[place + 1 :]


def _omission(text: str, rng: np.random.Generator) -> str:
    """Leave out one letter of a longer word, not the first."""
    words = [m.span() for m in _LONG_WORD.finditer(text) if m[0].isalpha()]
    if not words:
        return text
    start, end = words[rng.integers(len(words))]
    place = int(rng.integers(start + 1, end))
    return text[:place] + text[place + 1 :]


def _outside_links(text: str, change: Callable[[str], str]) -> str:
    parts = _OUTSIDE_LINKS.split(text)
    return "".join(part if at % 2 else change(part) for at, part in enumerate(parts))


def _append(*ends: str) -> Change:
    def change(text: str, rng: np.random.Generator) -> str:
        return f"{text} {ends[rng.integers(len(ends))]}"

    return change


def _full_stop(text: str, _: np.random.Generator) -> str:
    if _STOP.search(text):
        return _STOP.sub("", text)
    return text + ("。" if re.search(r"[\u4e00-\u9fff]", text) else ".")


def _curly(text: str, _: np.random.Generator) -> str:
    opened = re.sub(r'"(?=\w)', "“", text)
    return opened.replace('"', "”").replace("'", "’")


def _spaced(text: str, rng: np.random.Generator) -> str:
    """Put a space between two characters, as line breaks of web pages leave them."""
    if len(text) < 2:
        return text
    place = int(rng.integers(1, len(text)))
    return f"{text[:place]} {text[place:]}"


def _zero_width(text: str, _: np.random.Generator) -> str:
    return text.replace(" ", f" {_ZERO_WIDTH}") if " " in text else text + _ZERO_WIDTH


@cache
def _taiwan() -> OpenCC:
    return OpenCC("s2twp")


def _traditional(text: str, _: np.random.Generator) -> str:
    return str(_taiwan().convert(text))


_EN, _ZH, _BOTH = frozenset({"en"}), frozenset({"zh"}), frozenset({"en", "zh"})

PERTURBATIONS = (
    Perturbation("wrong key", _slip, _EN),
    Perturbation("letter left out", _omission, _EN),
    Perturbation("lower case", lambda text, _: _outside_links(text, str.lower), _EN),
    Perturbation("upper case", lambda text, _: _outside_links(text, str.upper), _EN),
    Perturbation("emoji appended", _append("🗓️", "📎", "🌐", "💬", "🖥️"), _BOTH),
    Perturbation("cashtag without dollar", lambda text, _: _CASHTAG.sub("", text), _EN),
    Perturbation("link appended", _append(*_OTHER_LINKS), _BOTH),
    Perturbation("links removed", lambda text, _: _LINKS.sub("", text), _BOTH),
    Perturbation("hashtag appended", _append("#wallstreet", "#equities"), _EN),
    Perturbation("hashtag appended", _append("#证券#", "#理财"), _ZH),
    Perturbation("full stop set or removed", _full_stop, _BOTH),
    Perturbation("spaces doubled", lambda text, _: text.replace(" ", "  "), _EN),
    Perturbation("space between characters", _spaced, _ZH),
    Perturbation("zero-width characters", _zero_width, _BOTH),
    Perturbation("curly quotes", _curly, _EN),
    Perturbation("full-width characters", lambda text, _: text.translate(_TO_WIDE), _BOTH),
    Perturbation("traditional characters", _traditional, _ZH),
)  # fmt: skip
