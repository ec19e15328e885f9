"""How safely a name may be looked for: what counts as a common word, and what follows from it.

Used when the table is built, not when texts are read. Word frequencies are those of the PyPI
package ``wordfreq`` (Zipf scale: 3 is once in a million words, 6 once in a thousand).
"""

import functools
import math
import re
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from wordfreq import get_frequency_dict

from models.entities.names import fold, has_han
from models.entities.sources import LARGE, MIDDLE


class Mark(StrEnum):
    """In front of an alias in the table: what it takes to match it."""

    WRITTEN = ""  # as written, or in capitals
    ANY_CASE = "~"
    NOT_A_THING = "%"  # as written, unless it reads as a thing one has: "a BMW", "her Honda"
    NEAR = "?"  # a word of business in the same sentence
    BESIDE = "!"  # a word of business or a legal form right beside it
    STRICT = "^"  # a legal form or a word of the stock market right beside it


# Zipf frequencies. "silvergate" 0, "citigroup" 2.7, "nvidia" 3.3, "boeing" 3.8, "target" 4.8.
_UNKNOWN, _RARE, _COMMON, _VERY_COMMON = 1.5, 3.0, 4.0, 4.8
_SHORT_ACRONYM, _ACRONYM = 2, 4
_POSSESSIVE = 1.0
# jieba counts up to 300,000 (的); 联考 has 124, 和解 394, 航天 1,344.
_JIEBA_COMMON = 100


@functools.cache
def _frequencies(language: str) -> dict[str, float]:
    return get_frequency_dict(language, "large")


def zipf(word: str, language: str = "en") -> float:
    """How common a word is; 0 if it is unknown."""
    frequency = _frequencies(language).get(word.lower(), 0.0)
    return max(0.0, math.log10(frequency) + 9) if frequency else 0.0


def common_chinese_words() -> list[str]:
    """Chinese words of two characters and more that are common in jieba's dictionary.

    Returns:
        In the dictionary's order.

    Raises:
        ModuleNotFoundError: If jieba is not installed.
    """
    # Found, not imported: importing jieba runs code that warns on new Pythons.
    spec = find_spec("jieba")
    if spec is None or spec.origin is None:
        msg = "building the table needs the packages jieba and wordfreq"
        raise ModuleNotFoundError(msg)
    text = (Path(spec.origin).parent / "dict.txt").read_text(encoding="utf-8")
    entries = (line.split() for line in text.splitlines())
    return [
        word
        for word, count, *_ in entries
        if len(word) > 1 and int(count) >= _JIEBA_COMMON and has_han(word)
    ]


def judge(alias: str, size: int) -> Mark | None:
    """Judge what it takes to match an alias.

    Args:
        alias: As a newspaper writes it.
        size: How well known its company is, 0 to 3.

    Returns:
        Its mark, or None if it is too common to be looked for at all.
    """
    if has_han(alias):
        return _judge_chinese(alias, size)
    words = re.findall(r"[^\W_]+", fold(alias))
    if "".join(words).isdigit() or not words:
        return None
    if len(words) == 1 or (len(words) == 2 and words[1] == "s"):
        return _judge_word(words[0], fold(alias), size)
    return _judge_words(words, size)


def _judge_chinese(alias: str, size: int) -> Mark | None:
    common = zipf(alias, "zh")
    if len(alias) > 3:
        return Mark.WRITTEN if size == LARGE or common < _COMMON else Mark.NEAR
    if len(alias) == 3:
        if common < _UNKNOWN or (size == LARGE and common < _RARE):
            return Mark.WRITTEN
        return Mark.NEAR if common < _COMMON else Mark.STRICT
    if size < MIDDLE:
        return None
    return Mark.NEAR if common < _COMMON else Mark.STRICT


def _judge_word(word: str, alias: str, size: int) -> Mark | None:
    common = zipf(word)
    if common >= _VERY_COMMON or word.isdigit():
        return None
    if len(word) <= _SHORT_ACRONYM:
        return Mark.STRICT if size == LARGE else None
    if word.isupper() and len(word) <= _ACRONYM:
        return Mark.NEAR if size == LARGE and common < _RARE else Mark.STRICT
    # "Casey's" is a chain of shops and what belongs to Casey.
    common += _POSSESSIVE * alias.endswith("'s")
    if common < _UNKNOWN and len(word) > _ACRONYM:
        return Mark.WRITTEN
    if size == LARGE and common < _COMMON:
        return Mark.WRITTEN if common < _RARE else Mark.NEAR
    return Mark.NEAR if common < _RARE and size == MIDDLE else Mark.STRICT


def _judge_words(words: list[str], size: int) -> Mark | None:
    rarest = min(zipf(word) for word in words)
    if rarest < (_RARE if len(words) > 2 else _UNKNOWN):
        return Mark.ANY_CASE if max(map(len, words)) > 3 else Mark.WRITTEN
    if size == LARGE or rarest < _RARE or (len(words) > 2 and rarest < _COMMON):
        return Mark.WRITTEN
    return Mark.NEAR if size == MIDDLE else Mark.STRICT
