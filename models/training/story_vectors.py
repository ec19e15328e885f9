"""Teaches a model to place texts about the same event near each other: one more linear head.

The encoder stays as it is, so that nothing else that the model tells changes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer

from models.batching import plan_batches
from models.multihead import STORY_HEAD, HeadKind, HeadSpec, MultiHeadModel, load_multihead
from models.normalise import normalise
from models.precision import has_native_bfloat16
from models.training.holdout import read_lines
from models.version import write_sums

_AXES = 64
_STEPS = 1_500
_BATCH = 512
# Texts of a batch lie this near each other in the file: news of the same days are hard to tell.
_NEIGHBOURS = 6_000
_LEARNING_RATE = 2e-3
_FIRST_TEMPERATURE = 0.07
_MAX_TOKENS = 128
_BATCH_TOKENS = 8_192
_SEED = 17

_errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Told:
    """A text and the story that it tells."""

    text: str
    story: str


def read_told(path: Path, *, limit: int) -> list[Told]:
    """Return the first rows of JSON lines with ``title`` and ``story``, plain or .gz.

    Raises:
        ValueError: If a line is not JSON or lacks one of them; names file and line.
    """
    rows: list[Told] = []
    for number, line in enumerate(islice(read_lines(path), limit), 1):
        try:
            row = json.loads(line)
            rows.append(Told(str(row["title"]), str(row["story"])))
        except (KeyError, ValueError, TypeError) as error:
            msg = f"{path}:{number}: not a JSON line with title and story: {error!r}"
            raise ValueError(msg) from error
    return rows


@torch.inference_mode()
def _read(model: MultiHeadModel, folder: Path, texts: Sequence[str]) -> Tensor:
    """Return the mean token vectors, (texts, width)."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    clean = [normalise(text) for text in texts]
    ids = tokenizer(clean, truncation=True, max_length=_MAX_TOKENS)["input_ids"]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = model.to(device).encoder
    native = device.type == "cuda" or has_native_bfloat16()
    found = torch.zeros(len(texts), int(encoder.config.hidden_size))
    batches = plan_batches([len(row) for row in ids], max_items=256, max_tokens=_BATCH_TOKENS)
    for batch in track(batches, description="reading texts", console=_errors):
        padded = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
        mask = padded["attention_mask"].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=native):
            hidden = encoder(padded["input_ids"].to(device), mask).last_hidden_state
        present = mask.unsqueeze(-1).float()
        found[batch] = ((hidden.float() * present).sum(1) / present.sum(1)).cpu()
    model.to("cpu")
    return found


def fit_head(vectors: Tensor, stories: Sequence[str]) -> nn.Linear:
    """Return the linear map after which texts of one story lie in one direction.

    Args:
        vectors: Of the texts, (texts, width), in the order of time.
        stories: Of each text, its label.

    Raises:
        ValueError: If no two neighbouring texts are of one story.

    Reference:
        Khosla et al. (2020), Supervised Contrastive Learning, NeurIPS.
    """
    numbers: dict[str, int] = {}
    labels = torch.tensor([numbers.setdefault(story, len(numbers)) for story in stories])
    if len(numbers) == len(labels):
        msg = "no two texts are of one story: there is nothing to learn from"
        raise ValueError(msg)
    generator = torch.Generator().manual_seed(_SEED)
    head = nn.Linear(vectors.shape[1], _AXES)
    with torch.no_grad():
        bound = vectors.shape[1] ** -0.5
        head.weight.uniform_(-bound, bound, generator=generator)
        head.bias.zero_()
    centre = vectors.mean(0)
    sharpness = nn.Parameter(torch.tensor(1 / _FIRST_TEMPERATURE).log())
    optimizer = torch.optim.AdamW([*head.parameters(), sharpness], lr=_LEARNING_RATE)
    fading = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=_STEPS)
    for _ in track(range(_STEPS), description="learning stories", console=_errors):
        last_start = max(len(labels) - _NEIGHBOURS, 0)
        start = int(torch.randint(last_start + 1, (), generator=generator))
        near = min(_NEIGHBOURS, len(labels))
        chosen = start + torch.randperm(near, generator=generator)[:_BATCH]
        places = functional.normalize(head(vectors[chosen] - centre), dim=-1)
        loss = _contrast(places @ places.T * sharpness.exp(), labels[chosen])
        if loss is None:
            continue
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # theirs
        optimizer.step()
        fading.step()
    with torch.no_grad():
        head.bias.sub_(head.weight @ centre)
    return head


def _contrast(likeness: Tensor, labels: Tensor) -> Tensor | None:
    """Return how little each text is like its own story's, against all; None without a pair."""
    itself = torch.eye(len(labels), dtype=torch.bool)
    same = (labels[:, None] == labels[None]) & ~itself
    paired = same.any(1)
    if not paired.any():
        return None
    chances = likeness.masked_fill(itself, -torch.inf).log_softmax(-1).masked_fill(itself, 0.0)
    return -((chances * same).sum(1)[paired] / same.sum(1)[paired]).mean()


def add_story_head(folder: Path, rows: Sequence[Told]) -> None:
    """Fit the head on stories and write it into a model folder, in place of one that is there.

    Args:
        folder: Of a ``MultiHeadModel``.
        rows: In the order of time.

    Raises:
        OSError: If the folder is no model's.
        ValueError: If the rows teach nothing.
    """
    model = load_multihead(folder)
    vectors = _read(model, folder, [row.text for row in rows])
    head = fit_head(vectors, [row.story for row in rows])
    labels = tuple(str(axis) for axis in range(_AXES))
    others = tuple(spec for spec in model.specs if spec.name != STORY_HEAD)
    told = MultiHeadModel(model.encoder, (*others, HeadSpec(STORY_HEAD, HeadKind.VECTOR, labels)))
    for spec in others:
        told.heads[spec.name] = model.heads[spec.name]
    told.heads[STORY_HEAD] = head
    told.save(folder)
    write_sums(folder)
