"""Finds how the inputs of the linear maps become 8 bits, once, from texts; no OpenVINO here.

A language model has a few channels whose values are tens of times those of the others; one step
size for all of them would leave the others a handful of values. So each channel is divided by a
factor of its own first, and the weights are multiplied by it.

Reference:
    Xiao et al. (2023), SmoothQuant, ICML.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeGuard, cast

import torch
from rich.console import Console
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.bert.modeling_bert import BertLayer, BertModel

from models.batching import plan_batches
from models.multihead import MultiHeadModel, load_multihead
from models.normalise import normalise
from models.version import write_sums

CALIBRATION_FILE = "int8.safetensors"

_MAX_TOKENS = 256
_BATCH_TOKENS = 2048
_SAMPLE = 2048
"""Tokens on which ranges are compared; lowest and highest values come from all of them."""

_STRENGTHS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""How much of a channel's range its factor takes from the activations to the weights."""

_KEPT = (1.0, 0.9, 0.75, 0.6)
"""Shares of the range; what lies outside is clipped, what lies inside gets finer steps."""

_errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Range:
    """How the input of a linear map becomes 8 bits.

    Attributes:
        smoothing: Divides the channels, (channels,), > 0.
        low: The smoothed value that becomes 0; at most 0.
        high: The smoothed value that becomes 255.
    """

    smoothing: Tensor
    low: float
    high: float


Calibration = dict[str, Range]
"""Ranges by the name of the input: layer and kind, like "3.context"."""


def can_be_int8(encoder: nn.Module) -> TypeGuard[BertModel]:
    """Tell whether an encoder has an int8 form."""
    return isinstance(encoder, BertModel) and encoder.config.hidden_act == "gelu"


def linear_maps(encoder: BertModel) -> dict[str, list[nn.Linear]]:
    """Return those linear maps of an encoder that share an input, by its name."""
    maps: dict[str, list[nn.Linear]] = {}
    for number, layer in enumerate(cast("Iterable[BertLayer]", encoder.encoder.layer)):
        attention = layer.attention.self
        maps[f"{number}.attention"] = [attention.query, attention.key, attention.value]
        maps[f"{number}.context"] = [layer.attention.output.dense]
        maps[f"{number}.intermediate"] = [layer.intermediate.dense]
        maps[f"{number}.output"] = [layer.output.dense]
    return maps


def quantise_weight(weight: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 weights (out, in) and what to multiply them by, (out, 1)."""
    smoothed = weight * smoothing
    scale = smoothed.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
    return (smoothed / scale).round().clamp(-127, 127).to(torch.int8), scale


class _Seen:
    """What came into one linear map: the range of each channel, and a sample of the rows."""

    def __init__(self, stride: int) -> None:
        self.stride = stride
        self.rows: list[Tensor] = []
        self.low = self.high = torch.zeros(1)

    def add(self, values: Tensor) -> None:
        """Add rows (tokens, channels)."""
        self.low = torch.minimum(self.low, values.amin(0))
        self.high = torch.maximum(self.high, values.amax(0))
        self.rows.append(values[:: self.stride].clone())


def _watch(
    model: MultiHeadModel,
    maps: dict[str, list[nn.Linear]],
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
) -> dict[str, _Seen]:
    ids = tokenizer(list(texts), truncation=True, max_length=_MAX_TOKENS)["input_ids"]
    lengths = [len(row) for row in ids]
    seen: dict[str, _Seen] = {}
    mask = torch.ones(1, 1, dtype=torch.bool)
    hooks = []
    for name, sharing in maps.items():
        seen[name] = one = _Seen(stride=max(1, sum(lengths) // _SAMPLE))

        def keep(_: nn.Module, inputs: tuple[Tensor, ...], one: _Seen = one) -> None:
            one.add(inputs[0][mask])

        hooks.append(sharing[0].register_forward_pre_hook(keep))
    batches = plan_batches(lengths, max_items=len(ids), max_tokens=_BATCH_TOKENS)
    for batch in track(batches, description="reading texts", console=_errors):
        padded = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
        mask = padded["attention_mask"].bool()
        model(padded["input_ids"], padded["attention_mask"])
    for hook in hooks:
        hook.remove()
    return seen


def _fit(seen: _Seen, weight: Tensor) -> Range:
    """Return the range with which the map's output changes least, in the mean square."""
    rows = torch.cat(seen.rows)
    exact = rows @ weight.T
    peak = torch.maximum(-seen.low, seen.high).clamp(min=1e-3)
    heaviest = weight.abs().amax(0).clamp(min=1e-4)

    def candidate(strength: float, kept: float) -> Range:
        smoothing = peak**strength / heaviest ** (1 - strength)
        low, high = (seen.low / smoothing).min(), (seen.high / smoothing).max()
        return Range(smoothing, kept * float(low), kept * max(float(high), 1e-3))

    def error(range_: Range) -> float:
        step = (range_.high - range_.low) / 255
        levels = ((rows / range_.smoothing - range_.low) / step).round().clamp(0, 255)
        quantised, scale = quantise_weight(weight, range_.smoothing)
        told = (levels * step + range_.low) @ (quantised * scale).T
        return float((told - exact).square().mean())

    return min((candidate(*pair) for pair in product(_STRENGTHS, _KEPT)), key=error)


@torch.inference_mode()
def calibrate(
    model: MultiHeadModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Calibration:
    """Return the ranges of a model with a BERT encoder, from a few hundred texts.

    Raises:
        ValueError: If there is no text, or the encoder has no int8 form.
    """
    if not can_be_int8(model.encoder) or not texts:
        msg = "an int8 form needs a BERT encoder with GELU, and texts to calibrate with"
        raise ValueError(msg)
    maps = linear_maps(model.encoder)
    seen = _watch(model, maps, tokenizer, texts)
    return {
        name: _fit(seen[name], torch.cat([one.weight for one in sharing]))
        for name, sharing in track(maps.items(), description="fitting ranges", console=_errors)
    }


def write_calibration(folder: Path, texts: Sequence[str], *, limit: int = 512) -> None:
    """Calibrate the model of ``folder``, write the ranges beside its weights, and the sums anew.

    Args:
        folder: Of a ``MultiHeadModel``.
        texts: Of the kind that it will read; a fixed sample of them is used.
        limit: Most texts used.

    Raises:
        ValueError: If there is no text, or the encoder has no int8 form.
        OSError: If the folder is no model's.
    """
    chosen = random.Random(0).sample(list(texts), min(limit, len(texts)))  # noqa: S311 - no secret
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ranges = calibrate(load_multihead(folder), tokenizer, [normalise(text) for text in chosen])
    tensors: dict[str, Tensor] = {}
    for name, range_ in ranges.items():
        tensors[f"{name}.smoothing"] = range_.smoothing.contiguous()
        tensors[f"{name}.bounds"] = torch.tensor([range_.low, range_.high])
    save_file(tensors, folder / CALIBRATION_FILE)
    write_sums(folder)


def read_calibration(folder: Path) -> Calibration:
    """Return the ranges that ``write_calibration`` left in ``folder``; empty where it did not."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return {}
    with safe_open(path, framework="pt") as file:
        names = [key.removesuffix(".bounds") for key in file.keys() if key.endswith(".bounds")]  # noqa: SIM118 - no mapping
        return {
            name: Range(file.get_tensor(f"{name}.smoothing"), *file.get_tensor(f"{name}.bounds"))
            for name in names
        }
