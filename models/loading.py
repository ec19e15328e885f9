"""Finds and loads a classifier: the shipped one, a folder, or a Hugging Face name.

Safetensors only, and no code from a model repository is ever run.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from models.labels import Sentiment
from models.multihead import (
    HEADS_FILE,
    WEIGHTS_FILE,
    HeadKind,
    HeadSpec,
    load_multihead,
    read_heads,
)
from models.transformer import TransformerClassifier

SHIPPED = Path(__file__).parent / "weights"

_SYNONYMS = {
    "bearish": Sentiment.NEGATIVE,
    "neg": Sentiment.NEGATIVE,
    "bullish": Sentiment.POSITIVE,
    "pos": Sentiment.POSITIVE,
    "neu": Sentiment.NEUTRAL,
}


class ModelError(Exception):
    """The model cannot be loaded; the message says what to do."""


def resolve(path: str) -> str:
    """Return the folder or Hugging Face name that a setting means."""
    return str(SHIPPED) if path == "shipped" else path


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


def load_classifier(
    path: str, *, device: str = "auto", max_batch_tokens: int = 8192, threads: int = 0
) -> TransformerClassifier:
    """Load a classifier onto a device.

    Args:
        path: "shipped", a folder, or a Hugging Face name.
        device: "auto", "cpu" or "cuda"; auto takes CUDA where there is one.
        max_batch_tokens: Most padded tokens in one forward pass.
        threads: CPU threads; 0 takes all cores. Applies to the whole process.

    Raises:
        ModelError: If it cannot be found or is not a sentiment model.
    """
    if device == "cuda" and not torch.cuda.is_available():
        msg = "model.device is cuda, and torch sees no CUDA device; set it to cpu or auto"
        raise ModelError(msg)
    torch.set_num_threads(threads or os.cpu_count() or 1)
    chosen = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    source = resolve(path)
    try:
        if (Path(source) / HEADS_FILE).is_file():
            return _load_shipped(Path(source), chosen, max_batch_tokens)
        return _load_hub(source, chosen, max_batch_tokens)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"cannot load the model {path!r}: {reason}"
        raise ModelError(msg) from error


def _load_shipped(
    folder: Path, device: torch.device, max_batch_tokens: int
) -> TransformerClassifier:
    weights = folder / WEIGHTS_FILE
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    model = load_multihead(folder).to(device)
    return TransformerClassifier(
        model,
        AutoTokenizer.from_pretrained(folder, local_files_only=True),
        read_heads(folder),
        version=f"{'tapewatch' if folder == SHIPPED else folder.name}@{digest[:12]}",
        device=device,
        max_batch_tokens=max_batch_tokens,
    )


def _load_hub(source: str, device: torch.device, max_batch_tokens: int) -> TransformerClassifier:
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

    commit = getattr(model.config, "_commit_hash", None) or "local"
    return TransformerClassifier(
        forward,
        AutoTokenizer.from_pretrained(source),
        [head],
        version=f"{source}@{commit[:12]}",
        device=device,
        max_batch_tokens=max_batch_tokens,
    )
