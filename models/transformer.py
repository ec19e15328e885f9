"""Classifies texts with a transformer: our model of several heads, or any sequence classifier.

The same path runs on CUDA and on the CPU: windows of similar length in a batch, autocast to
bfloat16 where the device computes in it, pinned transfers on CUDA.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from threading import Lock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from models.batching import plan_batches
from models.entities.names import has_han
from models.labels import Analysis, Mention, Probabilities, Sentiment, Span, TopicScore
from models.multihead import STORY_HEAD, HeadKind, HeadSpec
from models.names import read_names
from models.normalise import normalise
from models.precision import has_native_bfloat16
from models.taxonomy import CHINESE_TEXTS_ONLY
from models.windows import WINDOW_TOKENS, Window, cut

MAX_ITEMS = 256
_TINY = 1e-12
_IN_FLIGHT = 2
"""Forward passes begun before the one before them is read: a GPU never waits for Python."""

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
"""(tokens, 2): where each token begins and ends in its text."""
Forward = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""(input_ids, attention_mask), each (batch, tokens) -> logits a head: (batch, labels), or
(batch, tokens, labels) for heads on tags and spans."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the heads say of one window: probabilities, and logits of the head on spans.

    Attributes:
        whole: Probabilities a head on the whole text, (labels,); of a vector its coordinates.
        tags: Probabilities a token, (tokens, tags); None without such a head.
        towards: Logits a token, divided by the temperature, (tokens, labels); or None.
    """

    whole: dict[str, Floats]
    tags: Floats | None
    towards: Floats | None


class TransformerClassifier:
    """Tells what ``Analysis`` holds; several threads may use one at once.

    Two that take turns keep the device busy: one tokenises and reads the heads meanwhile.
    """

    def __init__(
        self,
        forward: Forward,
        tokenizer: PreTrainedTokenizerBase,
        heads: Sequence[HeadSpec],
        *,
        version: str,
        device: torch.device,
        max_batch_tokens: int,
        autocast: bool | None = None,
        topic_threshold: float | None = None,
    ) -> None:
        """Wrap a model that is already on ``device``.

        Args:
            forward: The model.
            tokenizer: Its tokenizer.
            heads: What its logits mean.
            version: Name and content hash of the weights.
            device: Where the model is.
            max_batch_tokens: Most padded tokens in one forward pass.
            autocast: Compute in bfloat16; by default where the device does so natively.
            topic_threshold: Least probability of a topic that is told; by default the model's.

        Raises:
            ValueError: If no head is called "sentiment", or its labels are not the three.
        """
        self._forward = forward
        self._tokenizer = tokenizer
        self._tokenizing = Lock()
        self.heads = {head.name: head for head in heads}
        self._version = version
        self._device = device
        self._max_batch_tokens = max(max_batch_tokens, WINDOW_TOKENS)
        native = device.type == "cuda" or has_native_bfloat16()
        self._autocast = native if autocast is None else autocast
        self._pinned = device.type == "cuda"
        self._topic_threshold = topic_threshold
        if set(self.heads["sentiment"].labels) != {s.value for s in Sentiment}:
            msg = f"sentiment labels must be {[s.value for s in Sentiment]}"
            raise ValueError(msg)

    @property
    def version(self) -> str:
        """Name and content hash of the weights."""
        return self._version

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text, in input order; long texts are read in windows.

        Over the windows of a text its sentiment and its story vector are the mean, weighted by
        their tokens; of a topic and of relevance the most probable counts.
        """
        if not texts:
            return []
        clean = [normalise(text) for text in texts]
        with self._tokenizing:  # a tokenizer keeps its settings in itself
            windows = cut(clean, self._tokenizer)
        told = self._tell(windows)
        asked = spans if spans is not None else [()] * len(texts)
        analyses: list[Analysis] = []
        for index, group in groupby(range(len(windows)), key=lambda place: windows[place].text):
            places = list(group)
            own = [windows[place] for place in places]
            said = [told[place] for place in places]
            analyses.append(self._analysis(clean[index], own, said, asked[index]))
        return analyses

    def _tell(self, windows: Sequence[Window]) -> list[_Told]:
        lengths = [len(window.ids) for window in windows]
        found: dict[int, _Told] = {}
        running: deque[tuple[list[int], dict[str, Tensor]]] = deque()
        for batch in plan_batches(lengths, max_items=MAX_ITEMS, max_tokens=self._max_batch_tokens):
            running.append((batch, self._run([windows[i].ids for i in batch])))
            if len(running) > _IN_FLIGHT:
                found |= self._read(*running.popleft())
        for one in running:
            found |= self._read(*one)
        return [found[index] for index in range(len(windows))]

    @torch.inference_mode()
    def _run(self, rows: list[list[int]]) -> dict[str, Tensor]:
        """Begin a forward pass; the logits stay on the device, which may still compute them."""
        padded = self._tokenizer.pad({"input_ids": rows}, return_tensors="pt")
        ids, mask = (self._to_device(padded[k]) for k in ("input_ids", "attention_mask"))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast):
            logits = self._forward(ids, mask)
        return {name: logits[name].float() / head.temperature for name, head in self.heads.items()}

    @torch.inference_mode()
    def _read(self, batch: Sequence[int], logits: dict[str, Tensor]) -> dict[int, _Told]:
        """Wait for a forward pass; return what it tells, by the place in ``batch``."""
        scaled = {name: values.cpu() for name, values in logits.items()}
        whole: dict[str, Floats] = {}
        tags = towards = None
        for name, head in self.heads.items():
            match head.kind:
                case HeadKind.SINGLE:
                    whole[name] = scaled[name].softmax(-1).numpy()
                case HeadKind.MULTI:
                    whole[name] = scaled[name].sigmoid().numpy()
                case HeadKind.TAGS:
                    tags = scaled[name].softmax(-1).numpy()
                case HeadKind.SPANS:
                    towards = scaled[name].numpy()
                case HeadKind.VECTOR:
                    whole[name] = scaled[name].numpy()
        return {
            index: _Told(
                {name: told[row] for name, told in whole.items()},
                None if tags is None else tags[row],
                None if towards is None else towards[row],
            )
            for row, index in enumerate(batch)
        }

    def _to_device(self, tensor: Tensor) -> Tensor:
        # From pinned memory a copy runs beside the computation of the batch before.
        source = tensor.pin_memory() if self._pinned else tensor
        return source.to(self._device, non_blocking=self._pinned)

    def _analysis(
        self, text: str, windows: Sequence[Window], told: Sequence[_Told], asked: Sequence[Span]
    ) -> Analysis:
        weights = np.array([len(window.ids) for window in windows], dtype=np.float32)
        shares = weights / weights.sum()
        probabilities = self._by_sentiment(_mean(told, "sentiment", shares), "sentiment")
        relevance = self._highest(told, "relevance")
        offsets = [o for w in windows for o in w.offsets[w.first : w.last]]
        bounds = np.array(offsets, dtype=np.int64).reshape(-1, 2)
        towards = _joined(windows, [one.towards for one in told])
        sides: tuple[Probabilities, ...] = ()
        if towards is not None:
            sides = tuple(self._towards(bounds, towards, span) or probabilities for span in asked)
        return Analysis(
            probabilities,
            self._topics(text, told),
            None if relevance is None else float(relevance[0]),
            self._mentions(
                text, offsets, bounds, _joined(windows, [o.tags for o in told]), towards
            ),
            sides,
            self._story_vector(told, shares),
        )

    def _story_vector(self, told: Sequence[_Told], shares: Floats) -> tuple[float, ...]:
        if STORY_HEAD not in self.heads:
            return ()
        mean = _mean(told, STORY_HEAD, shares)
        return tuple((mean / max(float(np.linalg.norm(mean)), _TINY)).tolist())

    def _topics(self, text: str, told: Sequence[_Told]) -> tuple[TopicScore, ...]:
        highest = self._highest(told, "topics")
        if highest is None:
            return ()
        head = self.heads["topics"]
        least = head.threshold if self._topic_threshold is None else self._topic_threshold
        left_out = () if has_han(text) else CHINESE_TEXTS_ONLY
        pairs = zip(head.labels, highest.tolist(), strict=True)
        topics = [TopicScore(a, p) for a, p in pairs if p >= least and a not in left_out]
        return tuple(sorted(topics, key=lambda topic: -topic.probability))

    def _highest(self, told: Sequence[_Told], name: str) -> Floats | None:
        if name not in self.heads:
            return None
        highest: Floats = np.stack([one.whole[name] for one in told]).max(0)
        return highest

    def _mentions(
        self,
        text: str,
        offsets: Sequence[Span],
        bounds: Places,
        tags: Floats | None,
        towards: Floats | None,
    ) -> tuple[Mention, ...]:
        if tags is None or towards is None:
            return ()
        return tuple(
            Mention(name.start, name.end, name.type, name.probability, side)
            for name in read_names(text, offsets, tags)
            if (side := self._towards(bounds, towards, (name.start, name.end)))
        )

    def _towards(self, bounds: Places, logits: Floats, span: Span) -> Probabilities | None:
        """Return the sentiment towards a span, None where no token covers a part of it."""
        inside = (bounds[:, 0] < span[1]) & (bounds[:, 1] > span[0])
        if not inside.any():
            return None
        mean = logits[inside].mean(0)
        odds = np.exp(mean - mean.max())
        return self._by_sentiment(odds / odds.sum(), "entity_sentiment")

    def _by_sentiment(self, probabilities: Floats, head: str) -> Probabilities:
        told = dict(zip(self.heads[head].labels, probabilities.tolist(), strict=True))
        return {s: told[s.value] for s in Sentiment}


def _mean(told: Sequence[_Told], name: str, shares: Floats) -> Floats:
    """Return what a head says of a text, by its windows' shares."""
    return shares @ np.stack([one.whole[name] for one in told])


def _joined(windows: Sequence[Window], parts: Sequence[Floats | None]) -> Floats | None:
    """Join what the windows of a text tell of their own tokens, (tokens of the text, labels)."""
    own = [p[w.first : w.last] for w, p in zip(windows, parts, strict=True) if p is not None]
    return np.concatenate(own) if own else None
