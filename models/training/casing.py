"""How English news is written: in sentences, in Title Case, IN CAPITALS. Pure."""

import re
from collections import Counter
from collections.abc import Iterable

SYMBOL = re.compile(r"\$[A-Z]{1,6}\b(?!\d)")
"""A stock symbol, or what looks like one."""

_TITLED_SHARE = 0.6
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:['’][^\W_]+)*")
_SMALL = frozenset((
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "over", "per",
    "the", "to", "vs", "with",
))  # fmt: skip


class Casing:
    """Which words are usually written small, counted over texts that do not capitalise all."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._forms: Counter[tuple[str, bool]] = Counter()
        for text in texts:
            if not is_titled(text):
                # The first word says nothing.
                words = list(_WORD.finditer(text))[1:]
                self._forms.update((word[0].lower(), word[0][0].isupper()) for word in words)

    def is_common(self, word: str) -> bool:
        """Whether a word is written small more often than not."""
        lower = word.lower()
        return self._forms[lower, False] > self._forms[lower, True]

    def lowered(self, text: str) -> str:
        """The text with its common words written small, as long as it was."""
        return _WORD.sub(lambda word: self._small(word[0]), text)

    def _small(self, word: str) -> str:
        small = word.lower()
        fits = word[1:].islower() and len(small) == len(word) and self.is_common(word)
        return small if fits else word


def is_titled(text: str) -> bool:
    """Whether a text Capitalises Most Words Like This."""
    words = [word[0] for word in _WORD.finditer(text) if word[0].lower() not in _SMALL]
    return sum(word[0].isupper() for word in words) > _TITLED_SHARE * len(words)


def is_shouted(text: str) -> bool:
    """Whether most words of a text are IN CAPITALS, stock symbols left aside."""
    words = [word[0] for word in _WORD.finditer(SYMBOL.sub("", text))]
    return sum(word.isupper() for word in words) > len(words) / 2


def titled(text: str) -> str:
    """A text In Title Case, as long as it was."""
    return _WORD.sub(
        lambda word: word[0] if word[0] in _SMALL else word[0][0].upper()[:1] + word[0][1:], text
    )
