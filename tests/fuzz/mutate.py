"""Mutations of seeds by a random generator that is told: the same ones each time.

No coverage leads them. What is found this way is what lies near; the rest is for ``one``.
"""

import random
from collections.abc import Iterator

from tests.fuzz.target import Target

_MOST_AT_ONCE = 4
_LONGEST_PART = 64


def inputs(target: Target, *, mutations: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the seeds and so many mutations of them."""
    yield from target.seeds
    chance = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(mutations):
        content = chance.choice(target.seeds)
        for _ in range(chance.randint(1, _MOST_AT_ONCE)):
            content = _mutated(content, target, chance)
        yield content[: target.max_bytes]


def _mutated(content: bytes, target: Target, chance: random.Random) -> bytes:
    """Put something in the place of a part: nothing, a byte, a word, or a part of a seed."""
    start = chance.randint(0, len(content))
    end = min(len(content), start + chance.choice((0, 0, 1, 1, chance.randint(0, _LONGEST_PART))))
    other = chance.choice(target.seeds)
    at = chance.randint(0, len(other))
    piece = chance.choice(
        (
            b"",
            bytes([chance.randrange(256)]),
            chance.choice(target.words or (b"",)),
            other[at : at + chance.randint(0, _LONGEST_PART)],
            content[start:end] * 2,
        )
    )
    return content[:start] + piece + content[end:]
