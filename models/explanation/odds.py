"""The score that is explained: the log-odds of a label, from the logits of all windows of a text.

Computed as the classifier and the linking of companies do it (``models.transformer``,
``models.entities.linking``), but differentiable, and for many points of the integral at once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.labels import Span
from models.windows import Window

Places = tuple[list[int], list[int]]
"""Windows and, in each, the place of a token."""


def log_odds(logits: Tensor, place: int, weights: Sequence[float]) -> Tensor:
    """Return ``log(p / (1 - p))`` of a label, p being the mean probability over several votes.

    Against all other labels together: a word that lifts every logit alike explains nothing.

    Args:
        logits: (points, votes, labels), divided by the temperature.
        place: Of the label.
        weights: Of the votes, > 0; adding up to 1.

    Returns:
        (points,).
    """
    shares = torch.tensor(weights, device=logits.device, dtype=logits.dtype).log()
    votes = (logits.log_softmax(-1) + shares[:, None]).logsumexp(1)
    others = torch.cat([votes[:, :place], votes[:, place + 1 :]], dim=-1)
    return votes[:, place] - others.logsumexp(-1)


def token_shares(windows: Sequence[Window]) -> list[float]:
    """Return the weight of each window of a text in the sentiment of the whole."""
    lengths = [len(window.ids) for window in windows]
    return [length / sum(lengths) for length in lengths]


def span_places(windows: Sequence[Window], span: Span) -> Places:
    """Return where the tokens that cover a part of a span stand; both empty where none does."""
    found = [
        (row, token)
        for row, window in enumerate(windows)
        for token in range(window.first, window.last)
        if window.offsets[token][0] < span[1] and span[0] < window.offsets[token][1]
    ]
    return [row for row, _ in found], [token for _, token in found]


def span_votes(logits: Tensor, spans: Sequence[Places]) -> Tensor:
    """Return the mean logits of each span, (points, spans, labels).

    Args:
        logits: (points, windows, tokens, labels).
        spans: Where their tokens stand, at least one each.
    """
    return torch.stack([logits[:, rows, tokens].mean(1) for rows, tokens in spans], dim=1)
