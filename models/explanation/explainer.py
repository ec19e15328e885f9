"""Explains what the classifier says of a text: which words moved it, and how far.

What is taken apart is the log-odds of a label, ``log(p / (1 - p))`` of the calibrated probability
that the classifier reports, by integrated gradients on the token embeddings. docs/explain.md says
why, and how faithful that is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models.explanation.integrate import integrate
from models.explanation.odds import log_odds, span_places, span_votes, token_shares
from models.explanation.words import Token, Word, join_words
from models.labels import Sentiment, Span
from models.loading import LoadedModel
from models.multihead import HeadSpec, MultiHeadModel
from models.normalise import normalise
from models.windows import Window, cut

TEXT, TOWARDS = "sentiment", "entity_sentiment"
# Padded tokens in one pass forth and back; a longer text is one pass.
BATCH_TOKENS = 4096
# Stands for every word in the baseline. Of what was tried it explained best (docs/explain.md).
_NOTHING = "."


class CannotExplain(ValueError):
    """What was asked has no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a model gives a label to a text, or to what its spans name.

    Attributes:
        text: What was explained.
        label: Whose log-odds the words add up to.
        spans: What the sentiment is towards; empty for the whole text.
        probability: Of the label, in [0, 1], computed in float32.
        score: Log-odds of the label; positive where it is more likely than not.
        baseline: Log-odds without any word.
        words: In the order of the text; attributions towards the label are positive.
        error: |sum of the attributions - (score - baseline)| as a share of the difference.
        steps: Points of the integral.
        windows: Parts in which the text was read, one where it is not long.
        model: Version of the weights.
    """

    text: str
    label: Sentiment
    spans: tuple[Span, ...]
    probability: float
    score: float
    baseline: float
    words: tuple[Word, ...]
    error: float
    steps: int
    windows: int
    model: str


class Explainer:
    """Explains texts with one model; one instance is used by one thread at a time."""

    def __init__(self, model: LoadedModel, *, batch_tokens: int = BATCH_TOKENS) -> None:
        """Take a loaded model; its parameters get no gradients any more.

        Args:
            model: The model.
            batch_tokens: Most padded tokens in one pass: memory grows with them.
        """
        self._model = model
        self._batch_tokens = batch_tokens
        self._heads = {head.name: head for head in model.heads}
        self._embedding = _embedding_of(model.module.requires_grad_(requires_grad=False))
        tokenizer = model.tokenizer
        marks = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        self._marks = torch.tensor(sorted(marks), device=model.device)
        self._nothing = _nothing_of(tokenizer)

    def explain(
        self, text: str, *, label: Sentiment = Sentiment.NEGATIVE, spans: Sequence[Span] = ()
    ) -> Explanation:
        """Tell how far each word moves a text towards a label.

        A long text is read in the windows in which the classifier reads it, and all of them are
        explained together.

        Args:
            text: Of any length.
            label: The label to explain, whether or not the model gives it.
            spans: Parts of the text that name one entity: the sentiment towards it is explained.

        Raises:
            CannotExplain: If the text is empty, if spans are given and the model tells no
                sentiment towards entities, or if none of its tokens stands in them.
        """
        clean = normalise(text)
        if not clean.strip():
            msg = "there are no words to explain in this text"
            raise CannotExplain(msg)
        head = self._head(spans)
        windows = cut([clean], self._model.tokenizer)
        read = _reader(head.labels.index(label), windows, spans)
        ids, mask = self._inputs(windows)
        empty = torch.where(torch.isin(ids, self._marks), ids, self._nothing)

        def score(points: Tensor) -> Tensor:
            count = len(points)
            with self._embedded(points.flatten(0, 1)):
                logits = self._model.forward(ids.repeat(count, 1), mask.repeat(count, 1))
            told = logits[head.name] / head.temperature
            return read(told.view(count, -1, *told.shape[1:]))

        with torch.no_grad():
            point, baseline = self._embedding(ids), self._embedding(empty)
        found = integrate(score, point, baseline, batch=max(1, self._batch_tokens // ids.numel()))
        return Explanation(
            text=text,
            label=label,
            spans=tuple(spans),
            probability=float(torch.tensor(found.score).sigmoid()),
            score=found.score,
            baseline=found.baseline,
            words=join_words(text, _tokens(windows, found.parts.sum(-1))),
            error=found.error,
            steps=found.steps,
            windows=len(windows),
            model=self._model.version,
        )

    def _head(self, spans: Sequence[Span]) -> HeadSpec:
        if not spans:
            return self._heads[TEXT]
        if TOWARDS not in self._heads:
            msg = f"the model {self._model.version} tells no sentiment towards entities"
            raise CannotExplain(msg)
        return self._heads[TOWARDS]

    def _inputs(self, windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
        rows = {"input_ids": [window.ids for window in windows]}
        padded = self._model.tokenizer.pad(rows, return_tensors="pt")
        device = self._model.device
        return padded["input_ids"].to(device), padded["attention_mask"].to(device)

    @contextmanager
    def _embedded(self, embeddings: Tensor) -> Iterator[None]:
        """Let the model read these instead of its own word embeddings."""
        hook = self._embedding.register_forward_hook(lambda *_: embeddings)
        try:
            yield
        finally:
            hook.remove()


def _reader(
    place: int, windows: Sequence[Window], spans: Sequence[Span]
) -> Callable[[Tensor], Tensor]:
    """Return what reads the log-odds of a label from the logits of the head that tells it."""
    if not spans:
        weights = token_shares(windows)
        return lambda logits: log_odds(logits, place, weights)
    places = [found for span in spans if any(found := span_places(windows, span))]
    if not places:
        msg = "the model sees nothing at this place of the text"
        raise CannotExplain(msg)
    even = [1 / len(places)] * len(places)
    return lambda logits: log_odds(span_votes(logits, places), place, even)


def _embedding_of(module: nn.Module) -> nn.Module:
    """Return the layer that turns token ids into vectors."""
    encoder = module.encoder if isinstance(module, MultiHeadModel) else module
    found: nn.Module = cast("PreTrainedModel", encoder).get_input_embeddings()
    return found


def _nothing_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id that stands for a word that says nothing."""
    known = (tokenizer.convert_tokens_to_ids(_NOTHING), tokenizer.pad_token_id)
    return next((each for each in known if isinstance(each, int)), 0)


def _tokens(windows: Sequence[Window], parts: Tensor) -> list[Token]:
    """Return the tokens with what they add; ``parts`` is (windows, tokens)."""
    return [
        Token(*place, value)
        for window, row in zip(windows, parts.tolist(), strict=True)
        for place, value in zip(window.offsets, row[: len(window.ids)], strict=True)
    ]
