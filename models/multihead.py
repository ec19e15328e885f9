"""One encoder with several heads: one forward pass tells everything about a text.

A model folder holds the encoder's ``config.json``, the tokenizer, ``heads.json`` and one
``model.safetensors`` with the parameters of both. Training lives in ``models.training``.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from models.prefix import Encoder, with_room_for_prefix
from models.version import HEADS_FILE, WEIGHTS_FILE

STORY_HEAD = "story"
"""Tells the vector that texts about one event share (``models.training.story_vectors``)."""


class HeadKind(StrEnum):
    """How a head's logits become probabilities."""

    SINGLE = "single"  # softmax: one label a text
    MULTI = "multi"  # sigmoid: any number of labels
    TAGS = "tags"  # softmax: one IOB2 label a token
    SPANS = "spans"  # softmax over the mean logits of the tokens of a span
    VECTOR = "vector"  # no probabilities: a place in space, its labels the numbers of the axes


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """A classification head.

    Attributes:
        name: What it tells; the key of its logits.
        labels: In the order of the logits.
        temperature: Divides the logits before they become probabilities; > 0.
        threshold: Least probability of a label that is reported (``MULTI`` only).
    """

    name: str
    kind: HeadKind
    labels: tuple[str, ...]
    temperature: float = 1.0
    threshold: float = 0.5


class MultiHeadModel(nn.Module):
    """A Hugging Face encoder with one linear head a task.

    A head on the whole text reads the mean of the token vectors, one on tags each token's own,
    and one on spans both.
    """

    def __init__(self, encoder: Encoder, heads: tuple[HeadSpec, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self.specs = heads
        self.dropout = nn.Dropout(0.1)
        width = int(encoder.config.hidden_size)
        inputs = {HeadKind.SPANS: 2 * width}
        self.heads = nn.ModuleDict(
            {h.name: nn.Linear(inputs.get(h.kind, width), len(h.labels)) for h in heads}
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits a head: (batch, labels), or (batch, tokens, labels) for tags and spans."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = self.dropout((hidden * mask).sum(1) / mask.sum(1))
        hidden = self.dropout(hidden)
        logits: dict[str, Tensor] = {}
        for spec in self.specs:
            read = pooled
            if spec.kind is HeadKind.TAGS:
                read = hidden
            elif spec.kind is HeadKind.SPANS:
                around = pooled.unsqueeze(1).expand(-1, hidden.shape[1], -1)
                read = torch.cat([hidden, around], dim=-1)
            logits[spec.name] = self.heads[spec.name](read)
        return logits

    def save(self, folder: Path) -> None:
        """Write configuration and weights (float16) into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.encoder.config.save_pretrained(folder)
        heads = json.dumps({"heads": [asdict(head) for head in self.specs]}, indent=2)
        (folder / HEADS_FILE).write_text(heads + "\n", encoding="utf-8")
        state = {k: v.detach().to(torch.float16).contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def read_heads(folder: Path) -> tuple[HeadSpec, ...]:
    """Return the heads that ``folder`` describes."""
    content = json.loads((folder / HEADS_FILE).read_text(encoding="utf-8"))
    return tuple(
        HeadSpec(**{**head, "kind": HeadKind(head["kind"]), "labels": tuple(head["labels"])})
        for head in content["heads"]
    )


def load_multihead(folder: Path) -> MultiHeadModel:
    """Return the model of ``folder`` in float32, ready for inference.

    Raises:
        OSError: If a file is missing or unreadable.
        RuntimeError: If weights and configuration do not fit.
    """
    config: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    encoder = AutoModel.from_config(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]  # theirs
    model = MultiHeadModel(with_room_for_prefix(encoder), read_heads(folder))
    model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return model.float().eval()
