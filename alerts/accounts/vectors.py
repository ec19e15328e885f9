"""Story vectors: how they are kept, and sums of them that are all compared with one at once."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from alerts.accounts.largest import largest
from alerts.accounts.rows import Rows

Vector: TypeAlias = npt.NDArray[np.float32]
"""What the model gives a text, of length 1; of no dimension where it gives nothing."""

# Kept, a vector takes two bytes a number. It is rounded so before its first use: whoever reads it
# again, another process after a restart, then computes with the same numbers.
_KEPT = np.dtype("<f2")
_FIRST_ROWS = 256


def pack(vector: Sequence[float]) -> bytes:
    """Return a vector as it is kept: 16-bit floats, the least significant byte first."""
    return np.asarray(vector, _KEPT).tobytes()


def unpack(kept: bytes) -> Vector:
    """Return the vector that ``pack`` has made bytes of."""
    return np.frombuffer(kept, _KEPT).astype(np.float32)


class VectorSums:
    """A sum of unit vectors a key; memory is bounded by the most keys there ever were at a time."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows = Rows()
        self._sums = np.zeros((0, 0), np.float32)
        self._lengths = np.zeros(0, np.float32)

    def add(self, key: int, vector: Vector) -> None:
        """Add a vector to the sum of a key; an empty one, or one of another length, is nothing."""
        if not self._fits(vector):
            return
        row = self._rows.find(key)
        if row is None:
            row = self._rows.take(key)
            if row == len(self._sums):
                more = max(_FIRST_ROWS, row)
                self._sums = np.pad(self._sums, ((0, more), (0, 0)))
                self._lengths = np.pad(self._lengths, (0, more))
        self._sums[row] += vector
        self._lengths[row] = np.linalg.norm(self._sums[row])

    def remove(self, key: int) -> None:
        """Let go of a key, if it is there."""
        row = self._rows.give_back(key)
        if row is not None:
            self._sums[row] = 0
            self._lengths[row] = 0

    def cosines(self, vector: Vector, keys: Sequence[int], most: int) -> dict[int, float | None]:
        """Return the cosines in [-1, 1] of ``keys`` and of the ``most`` nearest beside them.

        A key without a sum has None, and all have where the vector is none.
        """
        used = len(self._rows)
        if not used or not self._fits(vector):
            return dict.fromkeys(keys)
        # By one thread: the product by `@` takes all cores, which the model keeps busy.
        dots = np.einsum("ij,j->i", self._sums[:used], vector)
        lengths = self._lengths[:used]
        cosines = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
        found: dict[int, float | None] = {
            key: float(cosines[row])
            for row in largest(cosines, most)
            if (key := self._rows.key(row)) is not None
        }
        for key in keys:
            row = self._rows.find(key)
            found[key] = None if row is None else float(cosines[row])
        return found

    def _fits(self, vector: Vector) -> bool:
        """Tell whether a vector is one, and of the kind that is here."""
        if len(vector) and not len(self._rows):
            self._sums = np.zeros((0, len(vector)), np.float32)
        return bool(len(vector)) and len(vector) == self._sums.shape[1]
