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
from alerts.accounts.rows import Rows

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
        self._rows = Rows()
        self._squares = np.zeros(0)

    def add(self, key: int, vector: Mapping[str, float]) -> None:
        """Add a vector, weights > 0 by word, to the sum of a key, which may be new."""
        row = self._rows.find(key)
        if row is None:
            row = self._rows.take(key)
            if row == len(self._squares):
                self._squares = np.pad(self._squares, (0, max(_FIRST_ROWS, row)))
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
        return postings.weights[postings.place(self._row(key))]

    def leave(self, key: int, words: Iterable[str]) -> None:
        """Take words that it holds out of the sum of a key."""
        row = self._row(key)
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
        # Not 0 by the subtractions alone, and the next sum of the row begins with it.
        self._squares[self._row(key)] = 0.0
        self._rows.give_back(key)

    def cosines(self, vector: Mapping[str, float]) -> Cosines:
        """Return the cosines of all sums with a vector of length 1."""
        used = len(self._rows)
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
        rows = (row for row in largest(cosines, most) if cosines[row] > 0)
        return [key for row in rows if (key := self._rows.key(row)) is not None]

    def of(self, cosines: Cosines, key: int) -> float:
        """Return the cosine of a key."""
        return float(cosines[self._row(key)])

    def _row(self, key: int) -> int:
        """Return the row of a key; KeyError where it has none."""
        row = self._rows.find(key)
        if row is None:
            raise KeyError(key)
        return row
