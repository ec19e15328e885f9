"""One temperature a head, fitted on the rows that no run learnt from."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoTokenizer, Trainer, TrainingArguments
from transformers.trainer_utils import PredictionOutput

from models.multihead import HeadKind, MultiHeadModel, load_multihead
from models.precision import has_native_bfloat16
from models.training.batches import TARGETS, Collator, Rows
from models.training.config import TrainingConfig
from models.training.examples import IGNORED, split_examples
from models.training.objective import TrainableModel, any_of
from models.version import write_sums

Arrays = tuple[np.ndarray, ...]


def fit_temperature(
    logits: np.ndarray, targets: np.ndarray, kind: HeadKind, *, otherwise: float = 1.0
) -> float:
    """Return the temperature in [0.5, 5] with the least held-back loss.

    Args:
        logits: (..., labels), or (...) for a single sigmoid.
        targets: Bits of the right answers (...) for a softmax; 0, 1 or ``IGNORED`` for sigmoids.
        kind: Which of them it is.
        otherwise: The answer where nothing held back tells.

    Reference:
        Guo et al. (2017), On Calibration of Modern Neural Networks, ICML.
    """
    raw, true = torch.from_numpy(logits).float(), torch.from_numpy(targets)
    known = true != IGNORED if kind is HeadKind.MULTI else true > 0
    if kind is HeadKind.TAGS:
        # A name's probability is read where one is told; the many tokens outside say nothing of it.
        known &= raw.argmax(-1) > 0
    raw, true = raw[known], true[known]

    def loss(temperature: float) -> float:
        scaled = raw / temperature
        if kind is HeadKind.MULTI:
            return float(functional.binary_cross_entropy_with_logits(scaled, true))
        return float(any_of(scaled, true).mean())

    return min((float(t) for t in np.geomspace(0.5, 5.0, 91)), key=loss) if len(true) else otherwise


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
