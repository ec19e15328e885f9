"""Writes characters plainly before the classifier reads them, so that spelling is not meaning.

It stands here and not in the tokenizer for two reasons: each character gives exactly one, so that
places in the plain text are places in the original; and whatever model is configured profits,
while tokenizers differ. Accents, emoji, Chinese punctuation and most case stay: they tell
something, or the model has learnt them.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

# By ``python -m models.training.hanzi``.
_TRADITIONAL = Path(__file__).with_name("traditional.txt")

WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII."""

TYPOGRAPHIC: Final = {
    ord(fine): ord(plain)
    for plain, forms in {
        "'": "‘’‚‛ʼ´′",
        '"': "“”„‟″＂",
        "-": "‐‑‒–—−",
        " ": "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u2028\u2029\u202f\u205f\u3000",
    }.items()
    for fine in forms
}
"""Curly quotes, dashes and odd spaces."""

# These are what a Chinese text is properly punctuated with, and models of Chinese know them.
_CHINESE_PUNCTUATION = "，：；！？（）"
# Controls, soft hyphen, zero-width and bidirectional signs, variation selectors, replacement.
_UNSEEN = (
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010),
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF, 0xFFFD,
)  # fmt: skip

_LINK = re.compile(r"https?://[!-~]+")
# A stock symbol is written in capitals anywhere, and keeps them.
_WORD = re.compile(r"(?<![$\w])[^\W\d_]+")
_SHOUTED_SHARE = 0.7
_SHOUTED_WORDS = 4


def normalise(text: str) -> str:
    """Return the text in plain characters, as long as it was.

    Traditional Chinese characters become simplified ones, full-width letters, digits and signs
    ASCII, curly quotes straight, dashes hyphens; what cannot be seen becomes a space. The
    characters are taken one by one, so the few whose simplified form depends on the word (乾, 著)
    can come out wrong. Links become spaces, unless there is nothing else; a text IN CAPITALS keeps
    those that begin a word. Doing it twice changes nothing more.
    """
    plain = plain_characters(text)
    without = _LINK.sub(lambda link: " " * len(link[0]), plain)
    return _calmed(without if without.strip() else plain)


def plain_characters(text: str) -> str:
    """Return the text in plain characters, as long as it was; links and capitals stay."""
    return text if text.isascii() and text.isprintable() else text.translate(_table())


def _calmed(text: str) -> str:
    """Return a text that is mostly in capitals with those alone that begin a word."""
    words = [word for word in _WORD.findall(text) if word.lower() != word.upper()]
    shouted = sum(len(word) > 1 and word.isupper() for word in words)
    if len(words) < _SHOUTED_WORDS or shouted <= _SHOUTED_SHARE * len(words):
        return text
    return _WORD.sub(lambda word: word[0][0] + "".join(map(_small, word[0][1:])), text)


def _small(letter: str) -> str:
    small = letter.lower()
    return small if len(small) == 1 else letter


@cache
def _table() -> dict[int, int]:
    lines = _TRADITIONAL.read_text(encoding="utf-8").split()
    table = {ord(line[0]): ord(line[1]) for line in lines}
    table |= WIDE | TYPOGRAPHIC | dict.fromkeys(_UNSEEN, ord(" "))
    for mark in _CHINESE_PUNCTUATION:
        del table[ord(mark)]
    return table
