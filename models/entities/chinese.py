"""Tells a short Chinese name from the same characters across two words.

Chinese is written without spaces: ``山东航空`` (Shandong Airlines) holds ``东航`` (China Eastern)
and ``光大集团`` (Everbright Group) holds ``大集``.
"""

import gzip
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

# Names of four characters and more hardly ever arise by chance.
LONGEST_SHORT_NAME = 3
_LONGEST_WORD = 4
FILE = "chinese_words.txt.gz"


def load_words() -> frozenset[str]:
    """Common words that could cut a short name in two; written by ``write_words``."""
    raw = (resources.files("models.entities") / FILE).read_bytes()
    return frozenset(gzip.decompress(raw).decode().split())


def write_words(names: Iterable[str], common: Iterable[str], out: Path) -> None:
    """Write those common words that share a beginning or an end with one of the short names."""
    short = [name for name in names if len(name) <= LONGEST_SHORT_NAME]
    heads = {name[:cut] for name in short for cut in range(1, len(name))}
    tails = {name[cut:] for name in short for cut in range(1, len(name))}
    inside = set(short)

    def matters(word: str) -> bool:
        cuts = range(1, len(word))
        return (
            any(word[cut:] in heads or word[:cut] in tails for cut in cuts)
            or word in tails
            or any(
                word[a:b] in inside for a in range(len(word)) for b in range(a + 2, len(word) + 1)
            )
        )

    words = sorted(word for word in common if len(word) <= _LONGEST_WORD and matters(word))
    text = "\n".join(word for word in words if word not in inside)
    out.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def is_cut(text: str, start: int, end: int, words: frozenset[str]) -> bool:
    """Whether a short Chinese ``text[start:end]`` is inside a longer word or lies across two."""
    if end - start > LONGEST_SHORT_NAME or text[start].isascii():
        return False
    before = range(start - 1, max(-1, start - _LONGEST_WORD), -1)
    after = range(end + 1, min(len(text), end + _LONGEST_WORD - 1) + 1)
    if any(text[a:b] in words for a in (start, *before) for b in (end, *after)):
        return True
    for cut in range(start + 1, end):
        left = any(text[a:cut] in words for a in before)
        right = any(text[cut:b] in words for b in ((end, *after) if end - cut > 1 else after))
        if left and right:
            return True
    return False
