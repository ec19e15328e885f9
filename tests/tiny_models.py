"""A tiny, randomly initialised model of ours with every head, through the real files."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, PreTrainedTokenizerFast

from models.multihead import HeadKind, HeadSpec, MultiHeadModel
from models.names import TAGS
from models.version import write_sums

SENTIMENTS = ("negative", "neutral", "positive")
HEADS = (
    HeadSpec("sentiment", HeadKind.SINGLE, SENTIMENTS, temperature=1.3),
    HeadSpec("topics", HeadKind.MULTI, ("banks", "earnings")),
    HeadSpec("relevance", HeadKind.MULTI, ("finance",)),
    HeadSpec("entities", HeadKind.TAGS, TAGS),
    HeadSpec("entity_sentiment", HeadKind.SPANS, SENTIMENTS, temperature=0.8),
)
WORDS = (
    "<pad>", "<unk>", "<s>", "</s>", ".", ",", "northwind", "bank", "loss", "profit", "rises",
    "falls", "fraud", "the", "of", "股", "价", "暴", "跌", "银", "行",
)  # fmt: skip
CONFIG = BertConfig(
    vocab_size=len(WORDS),
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    pad_token_id=0,
    # Large enough for the model to be anything but linear.
    initializer_range=0.4,
)


def save_tokenizer(folder: Path) -> None:
    """Write a tokenizer of whole words and single Chinese characters."""
    known = {word: place for place, word in enumerate(WORDS)}
    inner = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", known["<s>"]), ("</s>", known["</s>"])]
    )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # their gap
        tokenizer_object=inner,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=512,
    ).save_pretrained(folder)


def save_model(folder: Path, heads: Sequence[HeadSpec] = HEADS, *, seed: int = 0) -> Path:
    """Write a model folder and return it."""
    torch.manual_seed(seed)
    encoder = AutoModel.from_config(CONFIG, add_pooling_layer=False)  # type: ignore[no-untyped-call]  # theirs
    MultiHeadModel(encoder, tuple(heads)).save(folder)
    save_tokenizer(folder)
    write_sums(folder)
    return folder
