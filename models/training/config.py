"""What a training run is told: a TOML file, checked."""

import tomllib
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from models.training.tuning import Tuning

Language = Literal["en", "zh"]
Task = Literal["sentiment", "topic", "entity-sentiment", "ner", "relevance"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFile(_Strict):
    """One file of JSON lines (plain or .gz) and what it teaches.

    Attributes:
        file: Relative to the data folder; what is not there is looked for from the current one.
        share: Part of its rows that is taken.
        repeat: How often an epoch shows each row.
        relevant: Where all its rows are known to concern finance, or not to.
    """

    file: Path
    task: Task
    share: float = Field(default=1.0, gt=0, le=1)
    repeat: PositiveInt = 1
    relevant: bool | None = None


class TrainingConfig(_Strict):
    """A fine-tuning run.

    Attributes:
        encoder: Folder or Hugging Face name of an encoder, or a model folder to go on from.
        keep_layers: Layers of the encoder that are kept; empty keeps all.
        statements: How many statements of our own grammar are added (docs/statements.md).
        general: How many headlines of our own are added, of the economy and of politics, sport and
            the like, to tell relevance.
        written: How often an epoch shows each headline and statement that we wrote out one by one
            (docs/statements.md).
        languages: Of which of those: an encoder of one language learns nothing of the other.
        augment: Share of texts that are shown altered, each time in another way.
        twins: Share of texts that are shown twice in a batch, as they are and altered, and are to
            get the same answer.
        smoothing: How much of a sentiment's target goes to all answers alike.
        taught: JSON lines of `tapewatch label-taught`: what teachers say of texts, which is
            learnt beside what their files tell. A later file's word counts.
        tuning: What is trained of the encoder: "full", "lora", "ia3" or "prefix".
        trained_layers: How many of the uppermost layers are trained, besides the heads; empty
            trains all, and the embeddings.
        lora_rank: Of what "lora" adds to each linear map.
        prefix_tokens: How many tokens' keys and values "prefix" puts before a text. It stays
            beside the weights, and the result has no 8-bit form.
        class_weights: Weigh a text's sentiment by how rare it is among the training rows.
        dropout: In the encoder. Half of the time of a step on a CPU goes into it.
        held_back: Share of each file that is not trained on: early stopping, calibration.
    """

    encoder: str
    keep_layers: tuple[int, ...] = ()
    data: tuple[DataFile, ...]
    statements: NonNegativeInt = 0
    general: NonNegativeInt = 0
    written: NonNegativeInt = 0
    languages: tuple[Language, ...] = get_args(Language)
    augment: float = Field(default=0.0, ge=0, le=1)
    twins: float = Field(default=0.0, ge=0, le=1)
    smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    taught: tuple[Path, ...] = ()
    tuning: Tuning = Tuning.FULL
    trained_layers: NonNegativeInt | None = None
    lora_rank: PositiveInt = 16
    prefix_tokens: PositiveInt = 16
    class_weights: bool = False
    dropout: float = Field(default=0.1, ge=0, lt=1)
    epochs: PositiveFloat = 3.0
    batch_size: PositiveInt = 32
    gradient_accumulation: PositiveInt = 1
    learning_rate: PositiveFloat = 1e-4
    warmup_share: float = Field(default=0.06, ge=0, le=0.5)
    weight_decay: float = Field(default=0.01, ge=0)
    max_tokens: PositiveInt = 128
    held_back: float = Field(default=0.04, gt=0, lt=0.5)
    early_stopping_evaluations: PositiveInt = 3
    evaluations_per_epoch: PositiveInt = 2
    seed: int = 17


def read_config(path: Path) -> TrainingConfig:
    """Return the checked content of a TOML file.

    Raises:
        ValueError: If a field is missing, unknown or out of range.
    """
    return TrainingConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
