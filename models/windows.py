"""Cuts long texts into overlapping windows. No forward pass.

Of the tokens that two windows share each window tells the half that is further from its own edge,
so that every token is told once, with context on both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

WINDOW_TOKENS = 256
OVERLAP_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Window:
    """One row for the encoder.

    Attributes:
        text: Index of the text that it is a part of.
        ids: Token ids, special tokens included.
        offsets: For each token its (start, end) in the text, in characters, without the space
            before a word; start == end for special tokens.
        first: The first place whose token this window tells.
        last: The place after the last one that it tells.
    """

    text: int
    ids: list[int]
    offsets: list[tuple[int, int]]
    first: int
    last: int


def cut(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, size: int = WINDOW_TOKENS
) -> list[Window]:
    """Return the windows of all texts, in order; a text of at most ``size`` tokens gives one."""
    limit = min(size, tokenizer.model_max_length)
    overlap = min(OVERLAP_TOKENS, limit // 4)
    # The tokenizer's own call makes lists of much that nobody reads.
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.enable_truncation(limit, stride=overlap)
    windows: list[Window] = []
    for owner, encoded in enumerate(backend.encode_batch(list(texts))):
        rows = [encoded, *encoded.overflowing]
        for place, row in enumerate(rows):
            ids = row.ids
            offsets = [_tight(texts[owner], *pair) for pair in row.offsets]
            # One special token stands at each end of a row.
            first = 0 if place == 0 else 1 + overlap // 2
            ends = place + 1 == len(rows)
            last = len(ids) if ends else len(ids) - 1 - (overlap - overlap // 2)
            windows.append(Window(owner, ids, offsets, first, last))
    return windows


def _tight(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the space that a tokenizer counts to the word after it."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
