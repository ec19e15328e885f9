"""Multi-task fine-tuning: every head learns from the files that speak of it.

The loop is Hugging Face's ``Trainer`` (mixed precision, accumulation, checkpoints, resume,
early stopping, TensorBoard); here are only the batch and the loss.
"""

import json
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoTokenizer,
    EarlyStoppingCallback,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    set_seed,
)

from models.labels import Sentiment
from models.multihead import HeadKind, HeadSpec, MultiHeadModel, load_multihead
from models.names import TAGS
from models.precision import has_native_bfloat16
from models.prefix import PrefixedEncoder
from models.taxonomy import TOPICS
from models.training.batches import TARGETS, Collator, Rows
from models.training.calibration import fit_temperatures
from models.training.config import TrainingConfig
from models.training.examples import IGNORED, Example, read_rows, split_examples
from models.training.objective import TrainableModel, balanced_weights
from models.training.statements import generate
from models.training.statements.general import generate_general
from models.training.statements.written import read_written
from models.training.teachers import read_taught, with_taught
from models.training.tuning import freeze_below, merged, with_additions
from models.version import HEADS_FILE, write_sums

_SENTIMENTS = tuple(s.value for s in Sentiment)
HEADS = (
    HeadSpec("sentiment", HeadKind.SINGLE, _SENTIMENTS),
    HeadSpec("topics", HeadKind.MULTI, TOPICS, threshold=0.4),
    HeadSpec("relevance", HeadKind.MULTI, ("finance",)),
    HeadSpec("entities", HeadKind.TAGS, TAGS),
    HeadSpec("entity_sentiment", HeadKind.SPANS, _SENTIMENTS),
)
Arrays = tuple[np.ndarray, ...]


def _agree(logits: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return whether the highest answer is a right one, where one is known."""
    right: np.ndarray = (bits >> logits.argmax(-1)) & 1
    return right[bits > 0]


def _f1(said: np.ndarray, true: np.ndarray) -> float:
    return float(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))


def held_back_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Return one figure a head and their mean, in [0, 1].

    Accuracy of sentiment (of texts and towards spans), micro F1 of topics and relevance, and for
    names the share of tokens in names, or called so, whose tag is right.
    """
    # One array a head; the declared type knows a single one only.
    sentiment, topics, relevance, names, towards = cast("Arrays", prediction.predictions)
    bits, topic, relevant, tags, sides = cast("Arrays", prediction.label_ids)
    tags = np.where(tags < 0, 0, tags)  # rows of unequal length are padded with -100
    known = topic != IGNORED
    told = relevant != IGNORED
    in_names = (tags > 1) | ((tags == 1) & (names.argmax(-1) > 0))
    metrics = {
        "sentiment_accuracy": float(_agree(sentiment, bits).mean()),
        "topics_f1": _f1((topics > 0) & known, (topic > 0) & known),
        "relevance_f1": _f1((relevance > 0) & told, (relevant > 0) & told),
        "name_tokens": float(_agree(names[in_names], tags[in_names]).mean()),
        "entity_sentiment_accuracy": float(_agree(towards, sides).mean()),
    }
    known_metrics = {name: value for name, value in metrics.items() if not np.isnan(value)}
    return {**known_metrics, "mean": float(np.mean(list(known_metrics.values())))}


def _starting_model(config: TrainingConfig) -> MultiHeadModel:
    """Return an encoder with new heads, or with those of a model of ours that mean the same."""
    if (Path(config.encoder) / HEADS_FILE).is_file():
        trained = load_multihead(Path(config.encoder))
        known = {(spec.name, spec.labels): spec for spec in trained.specs}
        specs = tuple(known.get((head.name, head.labels), head) for head in HEADS)
        model = MultiHeadModel(trained.encoder, specs)
        for head in HEADS:
            if (head.name, head.labels) in known:
                model.heads[head.name] = trained.heads[head.name]
        return model.train()
    encoder = AutoModel.from_pretrained(config.encoder, add_pooling_layer=False)
    if config.keep_layers:
        encoder.encoder.layer = nn.ModuleList(encoder.encoder.layer[i] for i in config.keep_layers)
        encoder.config.num_hidden_layers = len(config.keep_layers)
    return MultiHeadModel(encoder, HEADS)


def examples_of(config: TrainingConfig, data: Path) -> tuple[list[Example], list[Example]]:
    """Return what a run learns from and what it holds back of it.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a data file is not of its task's format.
    """
    examples, held_back = split_examples(
        config.data, data, held_back=config.held_back, seed=config.seed
    )
    examples += read_rows(generate(config.statements, seed=config.seed), "entity-sentiment")
    examples += read_rows(generate_general(config.general, seed=config.seed), "relevance")
    written = list(read_written(config.languages))
    examples += written * config.written
    return examples, held_back


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
        OSError: If a file cannot be read.
        ValueError: If a data file is not of its task's format.
    """
    set_seed(config.seed)
    examples, held_back = examples_of(config, data)
    for path in config.taught:
        examples = with_taught(examples, read_taught(path))
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    model = _starting_model(config)
    encoder = model.encoder
    if isinstance(encoder, PrefixedEncoder):
        msg = f"the model {config.encoder!r} has a prefix; begin from the one before it"
        raise ValueError(msg)  # noqa: TRY004 - the file is wrong, not the call
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.dropout
    if not torch.cuda.is_available():
        # On a CPU the backward pass of the fused attention takes five times that of the plain one.
        encoder.set_attn_implementation("eager")
    if config.trained_layers is not None:
        freeze_below(encoder, config.trained_layers)
    model.encoder = with_additions(
        encoder,
        config.tuning,
        rank=config.lora_rank,
        prefix_tokens=config.prefix_tokens,
    )
    # Trainer reads 1 as "each step"; a share just below it is rounded up to the last step.
    step_share = min(1.0 / (config.evaluations_per_epoch * config.epochs), 0.9999)
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
        label_names=list(TARGETS),
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
    held = Rows(held_back, tokenizer, max_tokens=config.max_tokens)
    trainer = Trainer(
        model=TrainableModel(
            model,
            balanced_weights(examples) if config.class_weights else None,
            smoothing=config.smoothing,
        ),
        args=arguments,
        train_dataset=Rows(
            examples,
            tokenizer,
            max_tokens=config.max_tokens,
            altered=config.augment,
            twins=config.twins,
            seed=config.seed,
        ),
        eval_dataset=held,
        data_collator=Collator(tokenizer),
        compute_metrics=held_back_metrics,
        callbacks=[EarlyStoppingCallback(config.early_stopping_evaluations)],
    )
    trainer.train(resume_from_checkpoint=resume)
    outcome = trainer.predict(held)
    fit_temperatures(model, outcome)
    model.encoder = merged(model.encoder)
    model.save(out)
    tokenizer.save_pretrained(out)
    metrics = {k.removeprefix("test_"): float(v) for k, v in (outcome.metrics or {}).items()}
    report = {
        "config": config.model_dump(mode="json"),
        "trained_on": len(examples),
        "held_back": metrics,
    }
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_sums(out)
    return metrics
