"""An encoder that reads a learnt prefix before each text, in every layer.

Reference:
    Li and Liang (2021), Prefix-Tuning: Optimizing Continuous Prompts for Generation, ACL.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PretrainedConfig, PreTrainedModel

_TOKENS = "prefix_tokens"
"""Where an encoder's configuration says how long its prefix is."""


class PrefixedEncoder(nn.Module):
    """An encoder whose every layer attends to a few keys and values beside those of the text.

    Attributes:
        encoder: Without a prefix.
        prefix: Keys and values, (layers, 2, heads, tokens, width of a head).
    """

    def __init__(self, encoder: PreTrainedModel, prefix: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        self.prefix = nn.Parameter(prefix)
        setattr(encoder.config, _TOKENS, prefix.shape[-2])

    @property
    def config(self) -> PretrainedConfig:
        """The encoder's own, which names the length of the prefix too."""
        return self.encoder.config

    def get_input_embeddings(self) -> nn.Module:
        """Return the layer that turns token ids into vectors."""
        return self.encoder.get_input_embeddings()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:  # noqa: ANN401 - theirs
        """Return what the encoder does; its hidden states are those of the text alone."""
        rows = len(input_ids)
        before = [
            (key.expand(rows, -1, -1, -1), value.expand(rows, -1, -1, -1))
            for key, value in self.prefix
        ]
        seen = attention_mask.new_ones(rows, self.prefix.shape[-2])
        return self.encoder(
            input_ids=input_ids,
            attention_mask=torch.cat([seen, attention_mask], dim=1),
            past_key_values=DynamicCache(before),
        )


Encoder = PreTrainedModel | PrefixedEncoder


def with_room_for_prefix(encoder: PreTrainedModel) -> Encoder:
    """Return the encoder with the prefix that its configuration names, still empty, if any."""
    config = encoder.config
    tokens = int(getattr(config, _TOKENS, 0))
    if not tokens:
        return encoder
    heads = int(config.num_attention_heads)
    shape = (int(config.num_hidden_layers), 2, heads, tokens, int(config.hidden_size) // heads)
    return PrefixedEncoder(encoder, torch.zeros(shape))
