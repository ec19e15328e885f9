"""Reads names out of what is told of the tokens' tags. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.labels import EntityType, Span

OUTSIDE = "O"
TAGS = (OUTSIDE, *(f"{place}-{kind.value}" for kind in EntityType for place in "BI"))
"""IOB2: ``B-`` begins a name, ``I-`` goes on with it; the order of the head's outputs."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text: the characters ``text[start:end]``.

    Attributes:
        probability: Of its least sure tag, in [0, 1].
    """

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
    text: str, offsets: Sequence[Span], probabilities: npt.NDArray[np.float32]
) -> list[Name]:
    """Return the names of a text, in order: the most probable tags of which each may follow.

    The rest of a Latin word follows its first token, so that a name never ends inside a word. A
    name is as probable as the tag of its least sure token.

    Args:
        text: Where the offsets point.
        offsets: (start, end) of each token, in order; tokens with start == end are skipped.
        probabilities: (tokens, tags), in the order of ``TAGS``.
    """
    if not probabilities.argmax(-1).any():  # nothing but outside, as in most texts
        return []
    words: list[int] = []
    parts: list[list[int]] = []  # tokens of each word
    before: Span = (-1, -1)
    for place, token in enumerate(offsets):
        if token[0] == token[1]:
            continue
        if begins_word(text, before, token):
            words.append(place)
            parts.append([])
        parts[-1].append(place)
        before = token
    names: list[Name] = []
    told = probabilities[words]
    for tag, tokens, sure in zip(best_tags(told), parts, told, strict=True):
        if tag == 0:
            continue
        kind = TAGS[tag][2:]
        start, end = offsets[tokens[0]][0], offsets[tokens[-1]][1]
        probability = float(sure[tag])
        if TAGS[tag].startswith("I-"):
            first = names.pop()
            start, probability = first.start, min(probability, first.probability)
        names.append(Name(start, end, EntityType(kind), probability))
    return names


def best_tags(probabilities: npt.NDArray[np.float32]) -> list[int]:
    """Return the most probable sequence in which no ``I-`` follows another type or nothing.

    Args:
        probabilities: (tokens, tags), in the order of ``TAGS``.

    Reference:
        Viterbi (1967), with transitions that are possible or not.
    """
    best: list[int] = probabilities.argmax(-1).tolist()
    pairs = zip([0, *best], best, strict=False)
    if all(after % 2 or not after or before in {after, after - 1} for before, after in pairs):
        return best  # what each token says of itself is possible, as nearly always
    chances = np.log(np.maximum(probabilities, 1e-9))
    score = np.where(_INSIDE, -np.inf, chances[0])
    backwards = []
    for chance in chances[1:]:
        reached = score[:, None] + _POSSIBLE
        backwards.append(reached.argmax(0))
        score = reached.max(0) + chance
    tags = [int(score.argmax())]
    for step in reversed(backwards):
        tags.append(int(step[tags[-1]]))
    return tags[::-1]


_INSIDE = np.array([tag.startswith("I-") for tag in TAGS])
_POSSIBLE = np.array(
    [
        [-np.inf if one[0] == "I" and one[1:] != before[1:] else 0.0 for one in TAGS]
        for before in TAGS
    ]
)
