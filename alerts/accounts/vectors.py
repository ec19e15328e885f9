"""Sums of vectors, all compared with one vector at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_FIRST_ROWS = 256


class VectorSums:
    """A sum of unit vectors a key; memory is bounded by the most keys there ever were at a time."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[str, int] = {}
        self._keys: list[str | None] = []
        self._free: list[int] = []
        self._sums: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._lengths: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    def add(self, key: str, vector: Sequence[float]) -> None:
        """Add a vector to the sum of a key; an empty one, or one of another length, is nothing."""
        if not self._fits(vector):
            return
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._new_row()
            self._keys[row] = key
        self._sums[row] += np.asarray(vector, np.float32)
        self._lengths[row] = np.linalg.norm(self._sums[row])

    def remove(self, key: str) -> None:
        """Let go of a key, if it is there."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._sums[row] = 0
            self._lengths[row] = 0
            self._keys[row] = None
            self._free.append(row)

    def cosines(self, vector: Sequence[float], keys: Sequence[str], most: int) -> dict[str, float]:
        """Return the cosines in [-1, 1] of ``keys`` and of the ``most`` nearest beside them.

        A key without a sum has 0.
        """
        if not self._rows or not self._fits(vector):
            return dict.fromkeys(keys, 0.0)
        used = len(self._keys)
        dots = self._sums[:used] @ np.asarray(vector, np.float32)
        lengths = self._lengths[:used]
        cosines = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
        most = min(most, used)
        nearest = np.argpartition(-cosines, most - 1)[:most]
        found = {key: float(cosines[row]) for row in nearest if (key := self._keys[row])}
        for key in keys:
            row = self._rows.get(key)
            found[key] = 0.0 if row is None else float(cosines[row])
        return found

    def _fits(self, vector: Sequence[float]) -> bool:
        """Tell whether a vector is one, and of the kind that is here."""
        if len(vector) and not self._keys:
            self._sums = np.zeros((0, len(vector)), np.float32)
        return bool(len(vector)) and len(vector) == self._sums.shape[1]

    def _new_row(self) -> int:
        if self._free:
            return self._free.pop()
        row = len(self._keys)
        self._keys.append(None)
        if row == len(self._sums):
            more = max(_FIRST_ROWS, row)
            self._sums = np.pad(self._sums, ((0, more), (0, 0)))
            self._lengths = np.pad(self._lengths, (0, more))
        return row
