"""Turns examples into the tensors of a batch: token ids and the right answers of each head.

A target of a softmax is a set of answers, as bits: a data set that marks organisations without
saying of what kind, or says that a text is not negative, teaches just that. No bit says nothing.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from models.labels import Sentiment, Span
from models.names import TAGS, begins_word
from models.normalise import normalise
from models.taxonomy import TOPICS
from models.training.augment import augment
from models.training.examples import IGNORED, Example, Sentiments

_BIT = {sentiment: 1 << place for place, sentiment in enumerate(Sentiment)}
_OUTSIDE = 1
GOES_ON = 1 << len(TAGS)
"""A bit of tags, beside those of the right answers: the token goes on with a Latin word."""
TARGETS = ("sentiment", "topics", "relevance", "tags", "towards")
"""Of a batch, in the order of the heads that answer them."""
_NO_TOPICS = (IGNORED,) * len(TOPICS)
_NOT_TAUGHT = (0.0,) * len(Sentiment)


class Rows(Dataset[dict[str, Any]]):
    """Examples as rows of numbers; those without spans are altered anew each time, if asked.

    A row may come with its ``twin``: the same text altered, of which nothing is told but that it
    means the same.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int,
        altered: float = 0.0,
        twins: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Tokenise once.

        Args:
            examples: The texts and what is known of them.
            tokenizer: Of the encoder.
            max_tokens: A longer text is cut.
            altered: Share of reads that are altered, in [0, 1].
            twins: Share of the others that come with a twin, in [0, 1].
            seed: Of what is altered, and how.
        """
        self._examples = examples
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._altered = altered
        self._twins = twins
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._rows = [self._row(example, example.text) for example in examples]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self._examples[index]
        free = example.names is None and not example.towards
        if free and self._random.random() < self._altered:
            return self._row(example, augment(example.text, self._random))
        row = self._rows[index]
        if free and self._random.random() < self._twins:
            altered = augment(example.text, self._random)
            return row | {"twin": self._row(Example(altered), altered)}
        return row

    def _row(self, example: Example, text: str) -> dict[str, Any]:
        clean = normalise(text)
        encoded = self._tokenizer(
            clean, truncation=True, max_length=self._max_tokens, return_offsets_mapping=True
        )
        offsets = [_tight(clean, *pair) for pair in encoded["offset_mapping"]]
        return {
            "input_ids": encoded["input_ids"],
            "sentiment": _bits(example.sentiment),
            "taught_sentiment": example.taught.sentiment or _NOT_TAUGHT,
            "taught_relevance": IGNORED if (share := example.taught.relevance) is None else share,
            "topics": example.topics or _NO_TOPICS,
            "relevance": IGNORED if example.relevant is None else float(example.relevant),
            "tags": _tags(clean, offsets, example),
            "towards": [
                (*inside, _bits(said))
                for span, said in example.towards
                if (inside := _tokens(offsets, span))
            ],
        }


class Collator:
    """Pads rows into a batch."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the inputs and targets of a batch.

        ``input_ids``, ``attention_mask`` and ``tags`` are (batch, tokens), ``sentiment`` and
        ``relevance`` (batch,), ``topics`` (batch, topics); ``spans`` holds (row, first token,
        token after the last) for each span, and ``towards`` its sentiment; ``taught_sentiment``
        (batch, sentiments) and ``taught_relevance`` (batch,) what teachers say, zeros and
        ``IGNORED`` where they say nothing. The twins come last; ``twins`` holds (row, its twin's
        row).
        """
        doubled = [at for at, row in enumerate(rows) if "twin" in row]
        pairs = [(at, len(rows) + place) for place, at in enumerate(doubled)]
        rows = [*rows, *(rows[at]["twin"] for at in doubled)]
        ids = {"input_ids": [row["input_ids"] for row in rows]}
        batch = dict(self._tokenizer.pad(ids, return_tensors="pt"))
        width = batch["input_ids"].shape[1]
        batch["sentiment"] = torch.tensor([row["sentiment"] for row in rows])
        for name in ("taught_sentiment", "taught_relevance"):
            batch[name] = torch.tensor([row[name] for row in rows])
        batch["topics"] = torch.tensor([row["topics"] for row in rows])
        batch["relevance"] = torch.tensor([row["relevance"] for row in rows])
        batch["tags"] = torch.tensor(
            [row["tags"] + [0] * (width - len(row["tags"])) for row in rows]
        )
        spans = [(at, *span) for at, row in enumerate(rows) for span in row["towards"]]
        packed = torch.tensor(spans, dtype=torch.long).reshape(-1, 4)
        batch["spans"], batch["towards"] = packed[:, :3], packed[:, 3]
        batch["twins"] = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
        return batch


def _tight(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    return start, end


def _bits(sentiments: Sentiments) -> int:
    return sum(_BIT[sentiment] for sentiment in sentiments)


def _tokens(offsets: Sequence[Span], span: Span) -> Span | None:
    """Return (first, last + 1) of the tokens that cover a part of a span."""
    inside = [i for i, (start, end) in enumerate(offsets) if start < span[1] and span[0] < end]
    return (inside[0], inside[-1] + 1) if inside else None


def _tags(text: str, offsets: Sequence[Span], example: Example) -> list[int]:
    """Return for each token the bits of the tags that are right; 0 where nothing is known."""
    if example.names is None:
        return [0] * len(offsets)
    bits = [_OUTSIDE if start < end else 0 for start, end in offsets]
    for name in example.names:
        inside = _tokens(offsets, name.span)
        if inside is None:
            continue
        for place in range(*inside):
            begins = place == inside[0]
            prefix = "B" if begins else "I"
            bits[place] = sum(1 << TAGS.index(f"{prefix}-{kind}") for kind in name.types)
    # Only the first token of a Latin word is asked when names are read.
    for place in range(1, len(offsets)):
        if bits[place] and not begins_word(text, offsets[place - 1], offsets[place]):
            bits[place] = bits[place] | GOES_ON if bits[place] != _OUTSIDE else 0
    return bits
