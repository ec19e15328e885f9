"""The mean of several trained models, parameter by parameter."""

from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from models.multihead import MultiHeadModel, load_multihead
from models.version import write_sums

_ROUNDING = 1e-6


@torch.no_grad()
def average(folders: Sequence[Path], weights: Sequence[float], out: Path) -> None:
    """Write the weighted mean of models with the same encoder.

    A head that not all of them have, as that of stories, is left out.

    Args:
        folders: Of models of which each was trained on from the one before, or from a common one.
        weights: Of each, adding up to 1.
        out: The folder to write; temperatures and tokenizer are the last model's.

    Raises:
        OSError: If a folder is no model's.
        ValueError: If the weights do not fit, or the models are not alike.

    Reference:
        Wortsman et al. (2022), Model soups, ICML.
    """
    if len(weights) != len(folders) or abs(sum(weights) - 1) > _ROUNDING:
        msg = f"{len(folders)} models need as many weights that add up to 1, not {list(weights)}"
        raise ValueError(msg)
    models = [load_multihead(folder) for folder in folders]
    shared = set.intersection(*({(h.name, h.labels) for h in model.specs} for model in models))
    models = [_with_heads(model, shared) for model in models]
    states = [model.state_dict() for model in models]
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if any(shape != shapes[-1] for shape in shapes):
        msg = "the models differ in their encoders"
        raise ValueError(msg)
    for name, value in states[-1].items():
        parts = [weight * state[name] for weight, state in zip(weights, states, strict=True)]
        value.copy_(torch.stack(parts).sum(0))
    models[-1].save(out)
    AutoTokenizer.from_pretrained(folders[-1], local_files_only=True).save_pretrained(out)
    write_sums(out)


def _with_heads(
    model: MultiHeadModel, wanted: Collection[tuple[str, tuple[str, ...]]]
) -> MultiHeadModel:
    """Return the model with those of its heads alone that have one of these names and labels."""
    specs = tuple(head for head in model.specs if (head.name, head.labels) in wanted)
    kept = MultiHeadModel(model.encoder, specs)
    for head in specs:
        kept.heads[head.name] = model.heads[head.name]
    return kept
