"""Multi-task fine-tuning: every head learns from the files that speak of it.

The loop is Hugging Face's ``Trainer`` (mixed precision, accumulation, checkpoints, resume,
early stopping, TensorBoard); here are only the batch and the loss.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from transformers import (
    AutoModel,
    AutoTokenizer,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from models.labels import Sentiment
from models.multihead import HEADS_FILE, HeadKind, HeadSpec, MultiHeadModel, load_multihead
from models.precision import has_native_bfloat16
from models.taxonomy import TOPICS
from models.training.config import TrainingConfig
from models.training.examples import IGNORED, Example, split_examples

HEADS = (
    HeadSpec("sentiment", HeadKind.SINGLE, tuple(s.value for s in Sentiment)),
    HeadSpec("topics", HeadKind.MULTI, TOPICS, threshold=0.4),
)
Pairs = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
_NO_TOPICS = (IGNORED,) * len(TOPICS)


class TrainableModel(nn.Module):
    """Adds the loss that ``Trainer`` minimises: the mean over heads, each over what it is told."""

    def __init__(self, model: MultiHeadModel, *, label_smoothing: float) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, sentiment: Tensor, topics: Tensor
    ) -> dict[str, Any]:
        """Return ``loss`` and the logits; ``sentiment`` (batch,), ``topics`` (batch, topics)."""
        logits = {k: v.float() for k, v in self.model(input_ids, attention_mask).items()}
        loss = logits["sentiment"].sum() * 0.0
        told = sentiment >= 0
        if told.any():
            loss = (
                loss
                + functional.cross_entropy(
                    logits["sentiment"][told], sentiment[told], label_smoothing=self.label_smoothing
                )
                * told.float().mean()
            )
        known = topics != IGNORED
        if known.any():
            each = functional.binary_cross_entropy_with_logits(
                logits["topics"], topics.clamp(min=0.0), reduction="none"
            )
            # A sum over labels, so that one wrong topic weighs like one wrong sentiment.
            loss = loss + (each * known).sum() / len(topics)
        return {"loss": loss, "logits": (logits["sentiment"], logits["topics"])}


class Collator:
    """Pads tokenised rows into a batch."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return ``input_ids``, ``attention_mask`` (batch, tokens) and the targets."""
        ids = {"input_ids": [row["input_ids"] for row in rows]}
        batch = dict(self._tokenizer.pad(ids, return_tensors="pt"))
        batch["sentiment"] = torch.tensor([row["sentiment"] for row in rows])
        batch["topics"] = torch.tensor([row["topics"] for row in rows])
        return batch


class _Rows(Dataset[dict[str, Any]]):
    """Examples, tokenised once."""

    def __init__(
        self, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int
    ) -> None:
        texts = [example.text for example in examples]
        ids = tokenizer(texts, truncation=True, max_length=max_tokens)["input_ids"]
        self._rows = [
            {
                "input_ids": row,
                "sentiment": -100 if e.sentiment is None else e.sentiment,
                "topics": e.topics or _NO_TOPICS,
            }
            for e, row in zip(examples, ids, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]


def held_back_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Return accuracy of sentiment, micro F1 of topics, and their mean, in [0, 1]."""
    # One array a head; the declared type knows a single one only.
    logits, targets = cast("Pairs", (prediction.predictions, prediction.label_ids))
    told = targets[0] >= 0
    accuracy = float((logits[0].argmax(-1) == targets[0])[told].mean())
    known = targets[1] != IGNORED
    said, true = (logits[1] > 0) & known, (targets[1] > 0) & known
    f1 = float(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))
    return {"sentiment_accuracy": accuracy, "topics_micro_f1": f1, "mean": (accuracy + f1) / 2}


def fit_temperature(logits: np.ndarray, targets: np.ndarray, kind: HeadKind) -> float:
    """Return the temperature in [0.5, 5] with the least held-back loss.

    Reference:
        Guo et al. (2017), On Calibration of Modern Neural Networks, ICML.
    """
    raw, true = torch.from_numpy(logits).float(), torch.from_numpy(targets)

    def loss(temperature: float) -> float:
        scaled = raw / temperature
        if kind is HeadKind.SINGLE:
            return float(functional.cross_entropy(scaled, true, ignore_index=-100))
        each = functional.binary_cross_entropy_with_logits(
            scaled, true.clamp(min=0.0), reduction="none"
        )
        return float(each[true != IGNORED].mean())

    return min((float(t) for t in np.geomspace(0.5, 5.0, 91)), key=loss)


def _starting_model(config: TrainingConfig) -> MultiHeadModel:
    """Return a model of ours as it is, or an encoder with new heads."""
    if (Path(config.encoder) / HEADS_FILE).is_file():
        return load_multihead(Path(config.encoder)).train()
    encoder = AutoModel.from_pretrained(config.encoder, add_pooling_layer=False)
    if config.keep_layers:
        encoder.encoder.layer = nn.ModuleList(encoder.encoder.layer[i] for i in config.keep_layers)
        encoder.config.num_hidden_layers = len(config.keep_layers)
    return MultiHeadModel(encoder, HEADS)


def train(
    config: TrainingConfig, data: Path, out: Path, *, resume: bool = False
) -> dict[str, float]:
    """Fine-tune, calibrate and write a model folder that the worker loads.

    Args:
        config: The run.
        data: The folder that the configuration's files are relative to.
        out: The model folder; checkpoints and TensorBoard logs go to ``out/run``.
        resume: Go on from the last checkpoint of ``out/run``.

    Returns:
        The held-back metrics, which are also written to ``out/training.json``.

    Raises:
        ValueError: If a data file is not of its task's format.
    """
    set_seed(config.seed)
    examples, held_back = split_examples(
        config.data, data, held_back=config.held_back, seed=config.seed
    )
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    model = _starting_model(config)
    step_share = 1.0 / (config.evaluations_per_epoch * config.epochs)
    arguments = TrainingArguments(
        output_dir=str(out / "run"),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup_share,
        bf16=has_native_bfloat16() or torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        label_names=["sentiment", "topics"],
        eval_strategy="steps",
        eval_steps=step_share,
        save_strategy="steps",
        save_steps=step_share,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="mean",
        greater_is_better=True,
        logging_steps=50,
        report_to=["tensorboard"],
        seed=config.seed,
        data_seed=config.seed,
    )
    held = _Rows(held_back, tokenizer, max_tokens=config.max_tokens)
    trainer = Trainer(
        model=TrainableModel(model, label_smoothing=config.label_smoothing),
        args=arguments,
        train_dataset=_Rows(examples, tokenizer, max_tokens=config.max_tokens),
        eval_dataset=held,
        data_collator=Collator(tokenizer),
        compute_metrics=held_back_metrics,
        callbacks=[EarlyStoppingCallback(config.early_stopping_evaluations)],
    )
    trainer.train(resume_from_checkpoint=resume)
    outcome = trainer.predict(held)
    pairs = cast("Pairs", (outcome.predictions, outcome.label_ids))
    temperatures = [
        fit_temperature(logits, targets, head.kind)
        for head, logits, targets in zip(HEADS, *pairs, strict=True)
    ]
    model.specs = tuple(
        replace(h, temperature=round(t, 4)) for h, t in zip(HEADS, temperatures, strict=True)
    )
    model.save(out)
    tokenizer.save_pretrained(out)
    metrics = {k.removeprefix("test_"): float(v) for k, v in (outcome.metrics or {}).items()}
    report = {
        "config": config.model_dump(mode="json"),
        "trained_on": len(examples),
        "held_back": metrics,
    }
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return metrics
