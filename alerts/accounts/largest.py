"""Which of many numbers are the largest, in less time than sorting them takes."""

import numpy as np
import numpy.typing as npt

_BLOCK = 64


def largest(values: npt.NDArray[np.floating], most: int) -> npt.NDArray[np.intp]:
    """Return the places of the ``most`` largest values, the largest first; of equal ones the first.

    Every block of values is looked at for its maximum alone. The maxima of ``most`` blocks are
    values too, so what is less than all of them is none of the largest.

    Args:
        values: (n,), any order, no NaN.
        most: At least 1; all places where there are fewer values.
    """
    whole = len(values) // _BLOCK * _BLOCK
    if whole < most * _BLOCK:
        candidates = np.arange(len(values))
    else:
        maxima = values[:whole].reshape(-1, _BLOCK).max(1)
        least = np.partition(maxima, -most)[-most]
        candidates = np.flatnonzero(values >= least)
    order = np.argsort(-values[candidates], kind="stable")
    found: npt.NDArray[np.intp] = candidates[order[:most]]
    return found
