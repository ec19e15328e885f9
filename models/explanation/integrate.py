"""Integrated gradients: which part of an input moved a score, and how far. Knows no models.

The integral runs over the straight line from a baseline to the input. Its parts add up to the
difference between the two scores, which is how its error is known and how many steps it takes.

Reference:
    Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks, ICML.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FIRST_STEPS = 32
MOST_STEPS = 512
# A quarter of what users are promised (docs/explain.md): the sum is rounded once more after this.
TOLERANCE = 0.02

Score = Callable[[Tensor], Tensor]
"""Points (points, ...) -> their scores (points,), differentiable."""


@dataclass(frozen=True, slots=True)
class Integral:
    """The score of an input, taken apart.

    Attributes:
        parts: What each number of the input adds to the score; shaped as the input.
        baseline: Score of the baseline.
        score: Score of the input.
        steps: Points on the line at which the gradient was taken.
    """

    parts: Tensor
    baseline: float
    score: float
    steps: int

    @property
    def error(self) -> float:
        """How far the parts are from adding up, as a share of the score difference; >= 0."""
        difference = self.score - self.baseline
        missed = abs(float(self.parts.double().sum()) - difference)
        return missed / abs(difference) if difference else missed


def integrate(
    score: Score,
    point: Tensor,
    baseline: Tensor,
    *,
    batch: int,
    first: int = FIRST_STEPS,
    most: int = MOST_STEPS,
    tolerance: float = TOLERANCE,
) -> Integral:
    """Return what each part of ``point`` adds to its score.

    The steps are doubled from ``first`` until the error is at most ``tolerance`` or they are
    ``most``: who needs the promise to hold looks at ``error``.

    Args:
        score: What is taken apart.
        point: The input, of any shape.
        baseline: An input that says nothing, of the same shape.
        batch: Most points in one call of ``score``.
        first: Steps to begin with.
        most: Steps at which to end.
        tolerance: Error that is good enough.
    """
    with torch.no_grad():
        low, high = (float(score(one.unsqueeze(0))) for one in (baseline, point))
    steps = first
    while True:
        gradient = _mean_gradient(score, point, baseline, steps=steps, batch=batch)
        found = Integral((point - baseline) * gradient, low, high, steps)
        if found.error <= tolerance or steps >= most:
            return found
        steps = min(2 * steps, most)


def _mean_gradient(
    score: Score, point: Tensor, baseline: Tensor, *, steps: int, batch: int
) -> Tensor:
    """Return the mean gradient on the line, by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    shape = (-1, *[1] * point.dim())
    total = torch.zeros_like(point)
    # The nodes lie in [-1, 1], the line in [0, 1].
    places = torch.as_tensor((nodes + 1) / 2, dtype=point.dtype, device=point.device)
    shares = torch.as_tensor(weights / 2, dtype=point.dtype, device=point.device)
    for start in range(0, steps, batch):
        some = slice(start, start + batch)
        points = (baseline + places[some].view(shape) * (point - baseline)).requires_grad_()
        (gradient,) = torch.autograd.grad(score(points).sum(), points)
        total += (shares[some].view(shape) * gradient).sum(0)
    return total
