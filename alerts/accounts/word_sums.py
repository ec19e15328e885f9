"""Sums of word vectors that are all compared with one at once, as ``vectors`` does for the model's.

By word, in arrays: a word of thousands of stories is gone through without a look at each of them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from alerts.accounts.largest import largest

Cosines: TypeAlias = npt.NDArray[np.float64]
"""In [0, 1], one a row; 0 where no word is shared."""

_FIRST_ROWS = 256


class _Postings:
    """Of one word: the rows that hold it, in order, and what it weighs in each."""

    __slots__ = ("rows", "weights")

    def __init__(self) -> None:
        self.rows = array("i")
        self.weights = array("d")

    def place(self, row: int) -> int:
        """Return where a row is, or would be."""
        return bisect_left(self.rows, row)

    def holds(self, place: int, row: int) -> bool:
        return place < len(self.rows) and self.rows[place] == row


class WordSums:
    """A sum of word vectors a key; a row of a key that was removed is used again."""

    def __init__(self) -> None:
        """Begin empty."""
        self._postings: dict[str, _Postings] = {}
        self._rows: dict[int, int] = {}
        self._keys: list[int] = []
        self._free: list[int] = []
        self._squares = np.zeros(0)

    def add(self, key: int, vector: Mapping[str, float]) -> None:
        """Add a vector, weights > 0 by word, to the sum of a key, which may be new."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._new_row(key)
        square = float(self._squares[row])
        for word, weight in vector.items():
            postings = self._postings.get(word)
            if postings is None:
                postings = self._postings[word] = _Postings()
            place, before = postings.place(row), 0.0
            if postings.holds(place, row):
                before = postings.weights[place]
                postings.weights[place] = before + weight
            else:
                postings.rows.insert(place, row)
                postings.weights.insert(place, weight)
            square += weight * (2 * before + weight)
        self._squares[row] = square

    def weight(self, key: int, word: str) -> float:
        """Return what a word weighs in the sum of a key that holds it."""
        postings = self._postings[word]
        return postings.weights[postings.place(self._rows[key])]

    def leave(self, key: int, words: Iterable[str]) -> None:
        """Take words that it holds out of the sum of a key."""
        row = self._rows[key]
        for word in words:
            postings = self._postings[word]
            place = postings.place(row)
            self._squares[row] -= postings.weights[place] ** 2
            del postings.rows[place], postings.weights[place]
            if not postings.rows:
                del self._postings[word]

    def remove(self, key: int, words: Iterable[str]) -> None:
        """Let go of a key; ``words`` are all that its sum holds."""
        self.leave(key, words)
        row = self._rows.pop(key)
        self._squares[row] = 0.0
        self._free.append(row)

    def cosines(self, vector: Mapping[str, float]) -> Cosines:
        """Return the cosines of all sums with a vector of length 1."""
        used = len(self._keys)
        rows, parts = [], []
        for word, weight in vector.items():
            if postings := self._postings.get(word):
                rows.append(np.frombuffer(postings.rows, np.int32))
                parts.append(weight * np.frombuffer(postings.weights))
        if not rows:
            return np.zeros(used)
        dots = np.bincount(np.concatenate(rows), np.concatenate(parts), minlength=used)
        squares = self._squares[:used]
        return np.divide(dots, np.sqrt(squares), out=np.zeros(used), where=dots > 0)

    def nearest(self, cosines: Cosines, most: int) -> list[int]:
        """Return the keys of the largest cosines, the largest first, that are not 0."""
        if not len(cosines):
            return []
        return [self._keys[row] for row in largest(cosines, most) if cosines[row] > 0]

    def of(self, cosines: Cosines, key: int) -> float:
        """Return the cosine of a key."""
        return float(cosines[self._rows[key]])

    def _new_row(self, key: int) -> int:
        if self._free:
            row = self._free.pop()
            self._keys[row] = key
            return row
        row = len(self._keys)
        self._keys.append(key)
        if row == len(self._squares):
            self._squares = np.pad(self._squares, (0, max(_FIRST_ROWS, row)))
        return row
