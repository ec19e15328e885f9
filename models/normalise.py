"""Writes characters plainly before the classifier reads them, so that spelling is not meaning.

It stands here and not in the tokenizer for two reasons: each character gives exactly one, so that
places in the plain text are places in the original; and whatever model is configured profits,
while tokenizers differ. Case, accents, emoji, links and Chinese punctuation stay: they tell
something, or the model has learnt them.
"""

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


def normalise(text: str) -> str:
    """Return the text in plain characters, as long as it was.

    Traditional Chinese characters become simplified ones, full-width letters, digits and signs
    ASCII, curly quotes straight, dashes hyphens; what cannot be seen becomes a space. The
    characters are taken one by one, so the few whose simplified form depends on the word (乾, 著)
    can come out wrong. Doing it twice changes nothing more.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_table())


@cache
def _table() -> dict[int, int]:
    lines = _TRADITIONAL.read_text(encoding="utf-8").split()
    table = {ord(line[0]): ord(line[1]) for line in lines}
    table |= WIDE | TYPOGRAPHIC | dict.fromkeys(_UNSEEN, ord(" "))
    for mark in _CHINESE_PUNCTUATION:
        del table[ord(mark)]
    return table
