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
    rows = tokenizer(
        list(texts),
        truncation=True,
        max_length=limit,
        stride=overlap,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    owners = rows["overflow_to_sample_mapping"]
    windows: list[Window] = []
    for row, owner in enumerate(owners):
        ids = rows["input_ids"][row]
        offsets = [_tight(texts[owner], *pair) for pair in rows["offset_mapping"][row]]
        begins = row == 0 or owners[row - 1] != owner
        ends = row + 1 == len(owners) or owners[row + 1] != owner
        # One special token stands at each end of a row.
        first = 0 if begins else 1 + overlap // 2
        last = len(ids) if ends else len(ids) - 1 - (overlap - overlap // 2)
        windows.append(Window(owner, ids, offsets, first, last))
    return windows


def _tight(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the space that a tokenizer counts to the word after it."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
