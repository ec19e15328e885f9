"""Reads names out of the tags of tokens. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.labels import EntityType, Span

OUTSIDE = "O"
TAGS = (OUTSIDE, *(f"{place}-{kind.value}" for kind in EntityType for place in "BI"))
"""IOB2: ``B-`` begins a name, ``I-`` goes on with it; the order of the head's outputs."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text: the characters ``text[start:end]``."""

    start: int
    end: int
    type: EntityType
    probability: float


def begins_word(text: str, before: Span, token: Span) -> bool:
    """Whether a token is not the rest of the Latin word that the token before it began."""
    if before[1] != token[0] or token[0] == 0 or token[0] >= len(text):
        return True
    left, right = text[token[0] - 1], text[token[0]]
    return not (left.isalnum() and right.isalnum() and left < "\u2e80" and right < "\u2e80")


def read_names(
    text: str, offsets: Sequence[Span], tags: Sequence[str], probabilities: Sequence[float]
) -> list[Name]:
    """Return the names of a text, in order.

    The rest of a Latin word follows its first token, so that a name never ends inside a word. An
    ``I-`` that goes on with nothing begins a name.

    Args:
        text: Where the offsets point.
        offsets: (start, end) of each token, in order; tokens with start == end are skipped.
        tags: Of ``TAGS``, one a token.
        probabilities: Of each tag's type at its token, in [0, 1].
    """
    names: list[Name] = []
    parts: list[float] = []
    current: tuple[int, int, str] | None = None
    before, kind, begins = (-1, -1), OUTSIDE, True

    def close() -> None:
        if current:
            start, end, told = current
            probability = sum(parts) / len(parts)
            names.append(Name(start, end, EntityType(told), probability))

    for token, tag, probability in zip(offsets, tags, probabilities, strict=True):
        if token[0] == token[1]:
            continue
        word = begins_word(text, before, token)
        if word:
            begins, kind = tag.startswith("B-"), tag[2:] or OUTSIDE
        before = token
        if current and kind == current[2] and (not begins or not word):
            current = (current[0], token[1], kind)
            parts.append(probability)
            continue
        close()
        current = None if kind == OUTSIDE else (token[0], token[1], kind)
        parts = [probability]
    close()
    return names
