"""Classifies texts with a transformer: our model of several heads, or any sequence classifier.

The same path runs on CUDA and on the CPU: batches of similar length, autocast to bfloat16
where the device computes in it, pinned transfers on CUDA.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from models.batching import plan_batches
from models.labels import Analysis, Sentiment, TopicScore
from models.multihead import HeadKind, HeadSpec
from models.precision import has_native_bfloat16

MAX_TOKENS = 256
"""A text is read up to here; the lead of a news item says what it is about."""

MAX_ITEMS = 256

Forward = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""(input_ids, attention_mask), each (batch, tokens) -> logits a head, (batch, labels)."""


class TransformerClassifier:
    """Tells sentiment and topics of texts; one instance is used by one thread at a time."""

    def __init__(
        self,
        forward: Forward,
        tokenizer: PreTrainedTokenizerBase,
        heads: Sequence[HeadSpec],
        *,
        version: str,
        device: torch.device,
        max_batch_tokens: int,
    ) -> None:
        """Wrap a model that is already on ``device``.

        Raises:
            ValueError: If no head is called "sentiment", or its labels are not the three.
        """
        self._forward = forward
        self._tokenizer = tokenizer
        self._heads = {head.name: head for head in heads}
        self._version = version
        self._device = device
        self._max_batch_tokens = max(max_batch_tokens, MAX_TOKENS)
        self._autocast = device.type == "cuda" or has_native_bfloat16()
        if set(self._heads["sentiment"].labels) != {s.value for s in Sentiment}:
            msg = f"sentiment labels must be {[s.value for s in Sentiment]}"
            raise ValueError(msg)

    @property
    def version(self) -> str:
        """Name and content hash of the weights."""
        return self._version

    def classify(self, texts: Sequence[str]) -> list[Analysis]:
        """Return one analysis a text, in input order; texts beyond 256 tokens are read that far."""
        if not texts:
            return []
        limit = min(MAX_TOKENS, self._tokenizer.model_max_length)
        ids = self._tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]
        lengths = [len(row) for row in ids]
        found: dict[int, Analysis] = {}
        for batch in plan_batches(lengths, max_items=MAX_ITEMS, max_tokens=self._max_batch_tokens):
            probabilities = self._run([ids[i] for i in batch])
            for place, index in enumerate(batch):
                found[index] = self._analysis({k: v[place] for k, v in probabilities.items()})
        return [found[index] for index in range(len(texts))]

    @torch.inference_mode()
    def _run(self, rows: list[list[int]]) -> dict[str, list[list[float]]]:
        padded = self._tokenizer.pad({"input_ids": rows}, return_tensors="pt")
        ids, mask = (self._to_device(padded[k]) for k in ("input_ids", "attention_mask"))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast):
            logits = self._forward(ids, mask)
        return {
            name: _probabilities(logits[name].float(), head).tolist()
            for name, head in self._heads.items()
        }

    def _to_device(self, tensor: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return tensor.to(self._device)
        return tensor.pin_memory().to(self._device, non_blocking=True)

    def _analysis(self, probabilities: dict[str, list[float]]) -> Analysis:
        sentiment = self._heads["sentiment"]
        topics: list[TopicScore] = []
        if head := self._heads.get("topics"):
            told = zip(head.labels, probabilities["topics"], strict=True)
            topics = [TopicScore(label, p) for label, p in told if p >= head.threshold]
            topics.sort(key=lambda topic: -topic.probability)
        told_by = dict(zip(sentiment.labels, probabilities["sentiment"], strict=True))
        return Analysis({s: told_by[s.value] for s in Sentiment}, tuple(topics))


def _probabilities(logits: Tensor, head: HeadSpec) -> Tensor:
    scaled = logits / head.temperature
    return scaled.softmax(-1) if head.kind is HeadKind.SINGLE else scaled.sigmoid()
