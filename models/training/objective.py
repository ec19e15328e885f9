"""What a training run minimises: the sum of the heads' losses, each over what it is told."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.labels import Sentiment
from models.multihead import MultiHeadModel
from models.training.examples import IGNORED, Example

# A head's loss is a sum over the rows that speak of it, divided by the size of the batch. The
# weights bring a wrong answer of any head to the size of a wrong sentiment.
_WEIGHTS = {
    "sentiment": 1.0,
    "topics": 0.5,
    "relevance": 0.7,
    "tags": 4.0,
    "towards": 1.0,
    "twins": 1.0,
}


class TrainableModel(nn.Module):
    """Adds the loss that ``Trainer`` minimises."""

    def __init__(
        self,
        model: MultiHeadModel,
        sentiment_weights: Tensor | None = None,
        *,
        smoothing: float = 0.0,
    ) -> None:
        """Wrap a model.

        Args:
            model: What is trained.
            sentiment_weights: (3,), weigh the texts by their sentiment.
            smoothing: How much of a sentiment's target goes to all answers alike, in [0, 0.5).
        """
        super().__init__()
        self.model = model
        self.smoothing = smoothing
        weights = torch.ones(len(Sentiment)) if sentiment_weights is None else sentiment_weights
        self.register_buffer("sentiment_weights", weights, persistent=False)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        sentiment: Tensor,
        topics: Tensor,
        relevance: Tensor,
        tags: Tensor,
        spans: Tensor,
        towards: Tensor,
        twins: Tensor,
        taught_sentiment: Tensor,
        taught_relevance: Tensor,
    ) -> dict[str, Any]:
        """Return ``loss`` and the logits in the order of the targets (see ``Collator``)."""
        told = {k: v.float() for k, v in self.model(input_ids, attention_mask).items()}
        of_spans = span_logits(told["entity_sentiment"], spans)
        known = (topics != IGNORED).float()
        of_topics = functional.binary_cross_entropy_with_logits(
            told["topics"], topics.clamp(min=0.0), weight=known, reduction="sum"
        )
        relevant = told["relevance"].squeeze(-1)
        of_tags = any_of(told["entities"], tags) / (tags > 0).sum(1, keepdim=True).clamp(min=1)
        of_sentiment = any_of(told["sentiment"], sentiment)
        if self.smoothing:
            flat = -functional.log_softmax(told["sentiment"], dim=-1).mean(-1)
            smooth = (1 - self.smoothing) * of_sentiment + self.smoothing * flat
            of_sentiment = smooth.masked_fill(sentiment == 0, 0.0)
        of_sentiment = self._weighted(of_sentiment, sentiment)
        by_teachers = -(taught_sentiment * functional.log_softmax(told["sentiment"], dim=-1)).sum(
            -1
        )
        # A text of which a file tells and teachers too is learnt from both alike.
        twice = 1 + ((sentiment > 0) & (taught_sentiment.sum(-1) > 0)).float()
        twice_relevant = 1 + ((relevance != IGNORED) & (taught_relevance != IGNORED)).float()
        of_relevance = _yes_or_no(relevant, relevance) + _yes_or_no(relevant, taught_relevance)
        losses = {
            "sentiment": ((of_sentiment + by_teachers) / twice).sum(),
            "topics": of_topics,
            "relevance": (of_relevance / twice_relevant).sum(),
            "tags": of_tags.sum(),
            "towards": any_of(of_spans, towards).sum(),
            "twins": divergence(told["sentiment"], twins)
            + divergence(functional.pad(told["relevance"], (0, 1)), twins),
        }
        loss = sum(_WEIGHTS[name] * part for name, part in losses.items()) / len(input_ids)
        logits = (told["sentiment"], told["topics"], relevant, told["entities"], of_spans)
        return {"loss": loss, "logits": logits}

    def _weighted(self, losses: Tensor, bits: Tensor) -> Tensor:
        """Weigh each text by the mean weight of the sentiments that are right for it."""
        weights = cast("Tensor", self.sentiment_weights)
        places = torch.arange(len(weights), device=bits.device)
        right = ((bits.unsqueeze(-1) >> places) & 1).float()
        return losses * (right @ weights) / right.sum(-1).clamp(min=1)


def balanced_weights(examples: Iterable[Example]) -> Tensor:
    """Return a weight a sentiment, (3,), inverse to its share of the texts; 1 on the mean text."""
    counts = Counter(e.sentiment for e in examples if len(e.sentiment) == 1)
    total = sum(counts.values())
    own = [counts[frozenset({sentiment})] for sentiment in Sentiment]
    return torch.tensor([total / (len(own) * max(count, 1)) for count in own])


def _yes_or_no(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of each row; 0 where nothing is told."""
    return functional.binary_cross_entropy_with_logits(
        logits, targets.clamp(min=0.0), weight=(targets != IGNORED).float(), reduction="none"
    )


def any_of(logits: Tensor, bits: Tensor) -> Tensor:
    """Return -log of the probability that one of the right answers gets; 0 where none is known.

    Args:
        logits: (..., answers).
        bits: (...); bit i says that answer i is right.
    """
    places = torch.arange(logits.shape[-1], device=logits.device)
    right = (bits.unsqueeze(-1) >> places) & 1 == 1
    unknown = bits == 0
    allowed = right | unknown.unsqueeze(-1)
    chances = functional.log_softmax(logits, dim=-1)
    return -chances.masked_fill(~allowed, -torch.inf).logsumexp(-1).masked_fill(unknown, 0.0)


def divergence(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return how far two readings of a text disagree, summed over the pairs.

    Args:
        logits: (batch, answers) of a softmax.
        pairs: (pairs, 2): rows of the batch that show one text in two forms.

    Reference:
        Liang et al. (2021), R-Drop, NeurIPS: the symmetric Kullback-Leibler divergence, there of
        two dropout masks and here of two spellings.
    """
    chances = functional.log_softmax(logits, dim=-1)
    one, other = chances[pairs[:, 0]], chances[pairs[:, 1]]
    return ((one.exp() - other.exp()) * (one - other)).sum() / 2


def span_logits(logits: Tensor, spans: Tensor) -> Tensor:
    """Return the mean logits of each span, (spans, labels).

    Args:
        logits: (batch, tokens, labels).
        spans: (spans, 3): row, first token, token after the last.
    """
    sums = functional.pad(logits.cumsum(1), (0, 0, 1, 0))
    row, first, end = spans.unbind(-1)
    return (sums[row, end] - sums[row, first]) / (end - first).unsqueeze(-1)
