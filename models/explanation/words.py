"""Puts tokens together to what people read: words, and in Chinese the tokenizer's pieces. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models.labels import Span

# Ticker, number and name with its inner signs: $AAPL, 12.5%, U.S., AT&T, year-on-year. No Chinese.
_LETTER = r"[^\W\u2e80-\uffff]"
_WORD = re.compile(rf"[$#@€£]?{_LETTER}+(?:[.,'&/-]{_LETTER}+)*%?")


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the model: ``text[start:end]``.

    Attributes:
        attribution: What it adds to the score.
    """

    start: int
    end: int
    attribution: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text: ``text[start:end]``; ``attribution`` is the sum of its tokens'."""

    start: int
    end: int
    tokens: tuple[Token, ...]

    @property
    def attribution(self) -> float:
        """What it adds to the score."""
        return sum(token.attribution for token in self.tokens)


def join_words(text: str, tokens: Iterable[Token]) -> tuple[Word, ...]:
    """Return the words of a text, in order; nothing of the tokens' attributions is lost.

    A token outside of any Latin word is a word of its own.

    Args:
        text: Where the tokens point.
        tokens: In any order.
    """
    words = [match.span() for match in _WORD.finditer(text)]
    groups: list[list[Token]] = []
    last: Span = (0, 0)
    for token in _distinct(tokens):
        own = (token.start, token.end)
        word = next((w for w in words if w[0] < token.end and token.start < w[1]), own)
        begins = not groups or (word != last and token.start >= last[1] and own[0] < own[1])
        if begins:
            groups.append([])
        groups[-1].append(token)
        last = word
    return tuple(Word(group[0].start, max(t.end for t in group), tuple(group)) for group in groups)


def _distinct(tokens: Iterable[Token]) -> list[Token]:
    """Add up the tokens that begin at the same place, in the order of the text.

    Two windows read the same token, and marks (of a space, of the end) cover no character, or the
    first one of the token after them.
    """
    by_start: dict[int, Token] = {}
    for token in tokens:
        known = by_start.get(token.start, Token(token.start, token.end, 0.0))
        end, attribution = max(known.end, token.end), known.attribution + token.attribution
        by_start[token.start] = Token(token.start, end, attribution)
    return [by_start[start] for start in sorted(by_start)]
