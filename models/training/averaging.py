"""The mean of several trained models, parameter by parameter."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from models.multihead import load_multihead
from models.version import write_sums

_ROUNDING = 1e-6


@torch.no_grad()
def average(folders: Sequence[Path], weights: Sequence[float], out: Path) -> None:
    """Write the weighted mean of models with the same encoder and heads.

    Args:
        folders: Of models of which each was trained on from the one before, or from a common one.
        weights: Of each, adding up to 1.
        out: The folder to write; its heads, temperatures and tokenizer are the last model's.

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
    states = [model.state_dict() for model in models]
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if any(shape != shapes[-1] for shape in shapes):
        msg = "the models differ in their encoders or heads"
        raise ValueError(msg)
    for name, value in states[-1].items():
        parts = [weight * state[name] for weight, state in zip(weights, states, strict=True)]
        value.copy_(torch.stack(parts).sum(0))
    models[-1].save(out)
    AutoTokenizer.from_pretrained(folders[-1], local_files_only=True).save_pretrained(out)
    write_sums(out)
