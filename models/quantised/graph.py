"""Our model as an OpenVINO graph: a BERT encoder whose linear maps multiply int8, and its heads.

Written out rather than traced from torch, so that it can be shaped for OpenVINO's kernels
(docs/adr/0008-int8-by-openvino.md).
"""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import openvino as ov
import torch
from openvino import Node
from openvino import opset13 as ops
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertLayer, BertModel, BertSelfAttention

from models.multihead import HeadKind, MultiHeadModel
from models.quantised.calibration import Calibration, Range, can_be_int8, quantise_weight

_HIDDEN = -30_000.0
"""Added to the attention score of padding: its share is 0 in bfloat16 too."""


def _floats(values: Tensor | float) -> Node:
    return ops.constant(np.ascontiguousarray(torch.as_tensor(values).float().detach().numpy()))


def _integers(*values: int) -> Node:
    return ops.constant(np.array(values, dtype=np.int64))


def _linear(values: Node, weight: Tensor, bias: Tensor) -> Node:
    product = ops.matmul(values, _floats(weight), transpose_a=False, transpose_b=True)
    return ops.add(product, _floats(bias))


def _in_8_bits(values: Node, range_: Range) -> Node:
    """Return ``values`` smoothed, less the lowest: without a zero point multiplying is faster."""
    smoothed = ops.multiply(values, _floats(1 / range_.smoothing))
    bounds = [_floats(x) for x in (range_.low, range_.high, 0.0, range_.high - range_.low)]
    return ops.fake_quantize(smoothed, *bounds, levels=256)


def _linear_in_8_bits(values: Node, weight: Tensor, bias: Tensor, range_: Range) -> Node:
    quantised, scale = quantise_weight(weight, range_.smoothing)
    # What `_in_8_bits` took off comes back here.
    bias = bias + range_.low * (quantised * scale).sum(1)
    integers = ops.convert(ops.constant(quantised.numpy()), "f32")
    matrix = ops.multiply(integers, _floats(scale))
    return ops.add(ops.matmul(values, matrix, transpose_a=False, transpose_b=True), _floats(bias))


def _rows_in_8_bits(table: Tensor, ids: Node) -> Node:
    """Return rows of ``table``, kept as int8 and a factor a row: a quarter of the memory."""
    integers, scale = quantise_weight(table, torch.ones(table.shape[1]))
    rows = ops.gather(ops.constant(integers.numpy()), ids, _integers(0))
    return ops.multiply(ops.convert(rows, "f32"), ops.gather(_floats(scale), ids, _integers(0)))


class _Encoder:
    """Builds the nodes of a BERT encoder."""

    def __init__(self, encoder: BertModel, calibration: Calibration) -> None:
        self._bert = encoder
        self._calibration = calibration
        self._heads = int(encoder.config.num_attention_heads)
        self._per_head = int(encoder.config.hidden_size) // self._heads

    def nodes(self, ids: Node, mask: Node) -> Node:
        """Return the token vectors (batch, tokens, width)."""
        absent = ops.subtract(_floats(1.0), ops.convert(mask, "f32"))
        barred = ops.multiply(absent, _floats(_HIDDEN))
        for _ in range(2):  # over heads and over the tokens that ask
            barred = ops.unsqueeze(barred, _integers(1))
        hidden = self._embeddings(ids)
        for number, layer in enumerate(cast("Iterable[BertLayer]", self._bert.encoder.layer)):
            hidden = self._layer(hidden, barred, layer, number)
        return hidden

    def _embeddings(self, ids: Node) -> Node:
        tables = self._bert.embeddings
        first, one = (ops.constant(np.int64(value)) for value in (0, 1))
        tokens = ops.gather(ops.shape_of(ids), one, first)
        places = ops.range(first, tokens, one, "i64")
        # All texts are of the first type of token.
        by_place = tables.position_embeddings.weight + tables.token_type_embeddings.weight[0]
        words = _rows_in_8_bits(tables.word_embeddings.weight, ids)
        place = ops.gather(_floats(by_place), places, _integers(0))
        return self._normalised(ops.add(words, place), tables.LayerNorm)

    def _layer(self, hidden: Node, barred: Node, layer: BertLayer, number: int) -> Node:
        own = cast("BertSelfAttention", layer.attention.self)  # only decoders have another kind
        context = self._attention(hidden, barred, own, f"{number}.attention")
        told = self._maps(context, [layer.attention.output.dense], f"{number}.context")
        hidden = self._normalised(ops.add(*told, hidden), layer.attention.output.LayerNorm)
        [wide] = self._maps(hidden, [layer.intermediate.dense], f"{number}.intermediate")
        told = self._maps(ops.gelu(wide, "erf"), [layer.output.dense], f"{number}.output")
        return self._normalised(ops.add(*told, hidden), layer.output.LayerNorm)

    def _attention(
        self, hidden: Node, barred: Node, attention: BertSelfAttention, name: str
    ) -> Node:
        maps = [attention.query, attention.key, attention.value]
        split, swapped = _integers(0, 0, self._heads, self._per_head), _integers(0, 2, 1, 3)
        query, key, value = (
            ops.transpose(ops.reshape(told, split, special_zero=True), swapped)
            for told in self._maps(hidden, maps, name, shrink_first=self._per_head**-0.5)
        )
        scores = ops.add(ops.matmul(query, key, transpose_a=False, transpose_b=True), barred)
        shares = ops.softmax(scores, axis=3)
        read = ops.matmul(shares, value, transpose_a=False, transpose_b=False)
        joined = _integers(0, 0, self._heads * self._per_head)
        return ops.reshape(ops.transpose(read, swapped), joined, special_zero=True)

    def _maps(
        self, values: Node, maps: list[nn.Linear], name: str, *, shrink_first: float = 1.0
    ) -> list[Node]:
        """Apply linear maps to one input, in int8 where there is a range for it."""
        range_ = self._calibration.get(name)
        told = values if range_ is None else _in_8_bits(values, range_)
        nodes = []
        for place, one in enumerate(maps):
            factor = 1.0 if place else shrink_first
            weight, bias = one.weight * factor, one.bias * factor
            if range_ is None:
                nodes.append(_linear(told, weight, bias))
            else:
                nodes.append(_linear_in_8_bits(told, weight, bias, range_))
        return nodes

    def _normalised(self, values: Node, norm: nn.LayerNorm) -> Node:
        even = ops.mvn(values, _integers(-1), True, norm.eps, "inside_sqrt")
        return ops.add(ops.multiply(even, _floats(norm.weight)), _floats(norm.bias))


@torch.inference_mode()
def build_graph(model: MultiHeadModel, calibration: Calibration) -> ov.Model:
    """Return a graph of (input_ids, attention_mask) with one output a head, in their order.

    Inputs without a range in ``calibration`` are multiplied in floating point.

    Raises:
        ValueError: If the encoder has no int8 form.
    """
    encoder = model.encoder
    if not can_be_int8(encoder):
        msg = f"there is no int8 form of {type(encoder).__name__}"
        raise ValueError(msg)
    ids, mask = (ops.parameter([-1, -1], np.int64, name=n) for n in ("input_ids", "attention_mask"))
    hidden = _Encoder(encoder, calibration).nodes(ids, mask)
    present = ops.unsqueeze(ops.convert(mask, "f32"), _integers(2))
    total = ops.reduce_sum(ops.multiply(hidden, present), _integers(1), keep_dims=False)
    pooled = ops.divide(total, ops.reduce_sum(present, _integers(1), keep_dims=False))
    outputs = []
    for spec in model.specs:
        head: Any = model.heads[spec.name]
        if spec.kind is HeadKind.SPANS:  # reads the token's vector and the text's side by side
            own, whole = head.weight.split(encoder.config.hidden_size, dim=1)
            around = ops.unsqueeze(_linear(pooled, whole, head.bias), _integers(1))
            outputs.append(ops.add(_linear(hidden, own, torch.zeros_like(head.bias)), around))
        else:
            read = hidden if spec.kind is HeadKind.TAGS else pooled
            outputs.append(_linear(read, head.weight, head.bias))
    return ov.Model([ops.result(node) for node in outputs], [ids, mask], "tapewatch")
