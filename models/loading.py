"""Finds and loads a classifier: the shipped one, a folder, or a Hugging Face name.

Safetensors only, no code from a model repository is ever run, and a folder's files are compared
with the sums beside them first.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from models.labels import Sentiment
from models.multihead import (
    HeadKind,
    HeadSpec,
    MultiHeadModel,
    load_multihead,
    read_heads,
)
from models.quantised.calibration import read_calibration
from models.transformer import Forward, TransformerClassifier
from models.version import check_sums, folder_version, resolve, weights_digest

_SYNONYMS = {
    "bearish": Sentiment.NEGATIVE,
    "neg": Sentiment.NEGATIVE,
    "bullish": Sentiment.POSITIVE,
    "pos": Sentiment.POSITIVE,
    "neu": Sentiment.NEUTRAL,
}


class ModelError(Exception):
    """The model cannot be loaded; the message says what to do."""


def sentiment_labels(id2label: Mapping[Any, str]) -> tuple[str, ...]:
    """Return our label for each logit of a sequence classifier, read from its configuration.

    Raises:
        ModelError: If the labels do not name negative, neutral and positive.
    """
    names = [id2label[index].strip().lower() for index in sorted(id2label)]
    labels = tuple(_SYNONYMS.get(name, name) for name in names)
    if sorted(labels) != sorted(Sentiment):
        msg = f"its labels are {names}; a sentiment model names negative, neutral and positive"
        raise ModelError(msg)
    return tuple(str(label) for label in labels)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model on its device with what its outputs mean.

    Attributes:
        module: The model itself: ``AutoModelForSequenceClassification`` or ``MultiHeadModel``.
        forward: (input_ids, attention_mask) -> logits a head.
        version: Name and content hash of the weights.
    """

    module: nn.Module
    forward: Forward
    tokenizer: PreTrainedTokenizerBase
    heads: tuple[HeadSpec, ...]
    version: str
    device: torch.device


def load_classifier(
    path: str,
    *,
    device: str = "auto",
    max_batch_tokens: int = 8192,
    threads: int = 0,
    topic_threshold: float | None = None,
    int8: bool = True,
) -> TransformerClassifier:
    """Load a classifier onto a device.

    Args:
        path: "shipped", a folder, or a Hugging Face name.
        device: "auto", "cpu" or "cuda"; auto takes CUDA where there is one.
        max_batch_tokens: Most padded tokens in one forward pass.
        threads: CPU threads; 0 takes all cores. Applies to the whole process.
        topic_threshold: Least probability of a topic that is told; by default the model's own.
        int8: On the CPU, multiply 8-bit integers where the model's folder holds their ranges
            (``models.quantised``) and OpenVINO is installed.

    Raises:
        ModelError: If it cannot be found or is not a sentiment model.
    """
    cores = threads or os.cpu_count() or 1
    torch.set_num_threads(cores)
    model = load_model(path, device=device)
    forward = _int8_form(model, Path(resolve(path)), cores) if int8 else None
    return to_classifier(
        model, max_batch_tokens=max_batch_tokens, topic_threshold=topic_threshold, int8=forward
    )


def to_classifier(
    model: LoadedModel,
    *,
    max_batch_tokens: int = 8192,
    topic_threshold: float | None = None,
    int8: Forward | None = None,
) -> TransformerClassifier:
    """Return a classifier on a loaded model.

    Args:
        model: The model.
        max_batch_tokens: Most padded tokens in one forward pass.
        topic_threshold: Least probability of a topic that is told; by default the model's own.
        int8: Computes in the model's place.
    """
    return TransformerClassifier(
        int8 or model.forward,
        model.tokenizer,
        model.heads,
        version=model.version,
        device=model.device,
        max_batch_tokens=max_batch_tokens,
        autocast=False if int8 else None,
        topic_threshold=topic_threshold,
    )


def _int8_form(model: LoadedModel, folder: Path, threads: int) -> Forward | None:
    """Return the model in 8 bits; None where it has no ranges, or cannot run so here."""
    if model.device.type != "cpu" or not isinstance(model.module, MultiHeadModel):
        return None
    try:
        calibration = read_calibration(folder)
        if not calibration or find_spec("openvino") is None:
            return None
        from models.quantised.forward import QuantisedModel  # not every machine has OpenVINO

        return QuantisedModel(model.module, calibration, threads=threads)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        msg = f"cannot compute {folder.name!r} in 8 bits: {error}; write its ranges anew with"
        msg += " `tapewatch quantise`, or set model.int8 to false"
        raise ModelError(msg) from error


def load_model(path: str, *, device: str = "auto") -> LoadedModel:
    """Load a model in float32 onto a device, ready for inference.

    Args:
        path: "shipped", a folder, or a Hugging Face name.
        device: "auto", "cpu" or "cuda"; auto takes CUDA where there is one.

    Raises:
        ModelError: If it cannot be found or is not a sentiment model.
    """
    if device == "cuda" and not torch.cuda.is_available():
        msg = "model.device is cuda, and torch sees no CUDA device; set it to cpu or auto"
        raise ModelError(msg)
    chosen = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    source = resolve(path)
    try:
        version = folder_version(Path(source))
        if version is not None:
            check_sums(Path(source))
            return _load_folder(Path(source), version, chosen)
        return _load_hub(source, chosen)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"cannot load the model {path!r}: {reason}"
        raise ModelError(msg) from error


def _load_folder(folder: Path, version: str, device: torch.device) -> LoadedModel:
    model = load_multihead(folder).to(device)
    return LoadedModel(
        model,
        model,
        AutoTokenizer.from_pretrained(folder, local_files_only=True),
        read_heads(folder),
        version,
        device,
    )


def _load_hub(source: str, device: torch.device) -> LoadedModel:
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        source, use_safetensors=True, trust_remote_code=False
    )
    head = HeadSpec(
        "sentiment", HeadKind.SINGLE, sentiment_labels(dict(model.config.id2label or {}))
    )
    model.train(mode=False)
    nn.Module.to(model, device)

    def forward(input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        return {"sentiment": model(input_ids=input_ids, attention_mask=attention_mask).logits}

    commit = getattr(model.config, "_commit_hash", None) or weights_digest(Path(source))
    tokenizer = AutoTokenizer.from_pretrained(source)
    return LoadedModel(model, forward, tokenizer, (head,), f"{source}@{commit[:12]}", device)
