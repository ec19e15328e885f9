"""One temperature a head, fitted on the rows that no run learnt from."""

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, Trainer, TrainingArguments
from transformers.trainer_utils import PredictionOutput

from models.multihead import HeadKind, MultiHeadModel, load_multihead
from models.names import TAGS, best_tags
from models.precision import has_native_bfloat16
from models.training.batches import GOES_ON, TARGETS, Collator, Rows
from models.training.config import TrainingConfig
from models.training.examples import IGNORED, split_examples
from models.training.objective import TrainableModel, any_of
from models.version import write_sums

Arrays = tuple[np.ndarray, ...]

_INSIDE = sum(1 << place for place, tag in enumerate(TAGS) if tag.startswith("I-"))
"""Bits of the tags that go on with a name."""


def fit_temperature(
    logits: np.ndarray, targets: np.ndarray, kind: HeadKind, *, otherwise: float = 1.0
) -> float:
    """Return the temperature in [0.5, 5] with the least held-back loss.

    Args:
        logits: (..., labels), or (...) for a single sigmoid.
        targets: Bits of the right answers (...) for a softmax, of tags (rows, tokens); 0, 1 or
            ``IGNORED`` for sigmoids.
        kind: Which of them it is.
        otherwise: The answer where nothing held back tells.

    Reference:
        Guo et al. (2017), On Calibration of Modern Neural Networks, ICML.
    """
    raw, true = torch.from_numpy(logits).float(), torch.from_numpy(targets)
    if kind is HeadKind.TAGS:
        return _least(_loss_of_names(raw, true), otherwise)
    known = true != IGNORED if kind is HeadKind.MULTI else true > 0
    raw, true = raw[known], true[known]
    if not len(true):
        return otherwise

    def loss(temperature: float) -> float:
        scaled = raw / temperature
        if kind is HeadKind.MULTI:
            return float(functional.binary_cross_entropy_with_logits(scaled, true))
        return float(any_of(scaled, true).mean())

    return _least(loss, otherwise)


def _least(loss: Callable[[float], float] | None, otherwise: float) -> float:
    return min(map(float, np.geomspace(0.5, 5.0, 91)), key=loss) if loss else otherwise


def _loss_of_names(logits: Tensor, bits: Tensor) -> Callable[[float], float] | None:
    """Return what tells the loss of the names told: are they exact, as their least sure token says?

    The loss of each token is not it: one wrong token makes a whole name wrong.

    Returns:
        None where no name is told.
    """
    names: list[Tensor] = []  # logits of a name's tokens, (tokens, tags)
    tags: list[Tensor] = []
    exact: list[float] = []
    for all_tokens, all_bits in zip(logits, bits, strict=True):
        asked = (all_bits > 0) & (all_bits & GOES_ON == 0)  # as names are read
        row, right = all_tokens[asked], all_bits[asked]
        path = best_tags(row.softmax(-1).numpy()) if len(row) else []
        for first in (at for at, tag in enumerate(path) if TAGS[tag].startswith("B-")):
            inside = takewhile(lambda tag: TAGS[tag].startswith("I-"), path[first + 1 :])
            end = first + 1 + len(list(inside))
            told = torch.tensor(path[first:end])
            ends = end == len(path) or not int(right[end]) & _INSIDE
            names.append(row[first:end])
            tags.append(told)
            exact.append(float(ends and bool(((right[first:end] >> told) & 1).all())))
    if not names:
        return None

    def loss(temperature: float) -> float:
        sure = [
            (own / temperature).softmax(-1).gather(1, told[:, None]).min()
            for own, told in zip(names, tags, strict=True)
        ]
        return float(functional.binary_cross_entropy(torch.stack(sure), torch.tensor(exact)))

    return loss


def fit_temperatures(model: MultiHeadModel, outcome: PredictionOutput) -> None:
    """Set the temperatures of the heads that a ``TrainableModel`` answers for.

    Args:
        model: Its first heads are in the order of the targets (see ``Collator``).
        outcome: Logits and targets of rows that the model did not learn from.
    """
    logits, targets = cast("tuple[Arrays, Arrays]", (outcome.predictions, outcome.label_ids))
    fitted = []
    for head, raw, true in zip(model.specs, logits, targets, strict=False):
        temperature = fit_temperature(raw, true, head.kind, otherwise=head.temperature)
        fitted.append(replace(head, temperature=round(temperature, 4)))
    model.specs = (*fitted, *model.specs[len(fitted) :])


def recalibrate(folder: Path, config: TrainingConfig, data: Path) -> dict[str, float]:
    """Fit the temperatures of a model folder anew, as after ``average``.

    Args:
        folder: Its weights stay as they are.
        config: A run of the model's descent: what it held back is read.
        data: The folder that the configuration's files are relative to.

    Returns:
        The temperature of each head.

    Raises:
        OSError: If the folder is no model's.
        ValueError: If a data file is not of its task's format.
    """
    _, held_back = split_examples(config.data, data, held_back=config.held_back, seed=config.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = load_multihead(folder)
    with TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_eval_batch_size=64,
            bf16=has_native_bfloat16() or torch.cuda.is_available(),
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            label_names=list(TARGETS),
            report_to=[],
        )
        trainer = Trainer(
            model=TrainableModel(model), args=arguments, data_collator=Collator(tokenizer)
        )
        outcome = trainer.predict(Rows(held_back, tokenizer, max_tokens=config.max_tokens))
    told = load_multihead(folder)
    told.specs = model.specs
    fit_temperatures(told, outcome)
    told.save(folder)
    write_sums(folder)
    return {head.name: head.temperature for head in told.specs}
