"""What part of an encoder is trained: all of it, or small additions that go into it at the end."""

from enum import StrEnum
from typing import cast

from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    TaskType,
    get_peft_model,
)
from torch.nn import ModuleList
from transformers import PreTrainedModel

from models.prefix import Encoder, PrefixedEncoder


class Tuning(StrEnum):
    """How an encoder is tuned; its heads always learn."""

    FULL = "full"
    LORA = "lora"  # Hu et al. (2021): a low-rank addition to each linear map
    IA3 = "ia3"  # Liu et al. (2022): an adapter of one factor a channel
    PREFIX = "prefix"  # Li and Liang (2021): keys and values before the text, in each layer


def with_additions(
    encoder: PreTrainedModel, tuning: Tuning, *, rank: int, prefix_tokens: int
) -> PreTrainedModel:
    """Return the encoder with what is trained in it; all else is frozen unless it is full.

    Args:
        encoder: With the layer names of BERT for ``IA3``.
        tuning: What is trained.
        rank: Of the additions of ``LORA``.
        prefix_tokens: Length of what ``PREFIX`` puts before a text.

    Raises:
        ValueError: If the encoder has no layer that the additions go into.
    """
    if tuning is Tuning.FULL:
        return encoder
    additions: PeftConfig = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    if tuning is Tuning.PREFIX:
        additions = PrefixTuningConfig(
            task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=prefix_tokens
        )
    if tuning is Tuning.IA3:
        wide = ["intermediate.dense"]
        additions = IA3Config(target_modules=["key", "value", *wide], feedforward_modules=wide)
    tuned = cast("PreTrainedModel", get_peft_model(encoder, additions))
    if tuning is Tuning.PREFIX:
        # A second name of the encoder's own, for which safetensors would refuse a checkpoint.
        del tuned.word_embeddings
    return tuned


def freeze_below(encoder: PreTrainedModel, trained_layers: int) -> None:
    """Leave only the uppermost layers of an encoder to be trained.

    What lies below needs no backward pass: with a quarter of the layers, a step takes half the
    time, and what the model knew of other tasks is forgotten less.

    Args:
        encoder: With ``encoder.layer``, as BERT and its kin.
        trained_layers: How many stay trainable; 0 leaves the heads alone.

    Raises:
        ValueError: If the encoder has fewer layers.
    """
    layers = cast("ModuleList", encoder.get_submodule("encoder.layer"))
    if trained_layers > len(layers):
        msg = f"trained_layers is {trained_layers}, the encoder has {len(layers)} layers"
        raise ValueError(msg)
    encoder.requires_grad_(requires_grad=False)
    for layer in layers[len(layers) - trained_layers :]:
        layer.requires_grad_(requires_grad=True)


def merged(encoder: PreTrainedModel) -> Encoder:
    """Return the encoder without peft.

    What was added is multiplied or summed into its weights; a prefix stays beside them.
    """
    if not isinstance(encoder, PeftModel):
        return encoder
    told = encoder.active_peft_config
    if not isinstance(told, PrefixTuningConfig):
        return cast("PreTrainedModel", encoder.merge_and_unload())
    flat = encoder.get_prompt_embedding_to_save(encoder.active_adapter)
    by_layer = flat.view(len(flat), told.num_layers, 2, told.num_attention_heads, -1)
    plain = cast("PreTrainedModel", encoder.get_base_model())
    return PrefixedEncoder(plain, by_layer.permute(1, 2, 3, 0, 4).contiguous())
