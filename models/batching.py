"""Plans batches by length: pure, no threads, no tensors."""

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], *, max_items: int, max_tokens: int) -> list[list[int]]:
    """Split texts into batches that fit on the device.

    A batch is padded to its longest text, so its cost is
    ``len(batch) * max(length in batch)`` tokens, not the sum of the lengths.

    Args:
        lengths: Tokens per text after truncation, in input order; each >= 1.
        max_items: Most texts in one batch, >= 1.
        max_tokens: Most padded tokens in one batch.

    Returns:
        Batches of indices into ``lengths``, shortest texts first. Every index
        appears exactly once; the caller uses it to restore input order.

    Raises:
        ValueError: If one text alone exceeds ``max_tokens``.
    """
    if lengths and max(lengths) > max_tokens:
        msg = f"a text of {max(lengths)} tokens does not fit into max_tokens={max_tokens}"
        raise ValueError(msg)
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        full = batches and (
            len(batches[-1]) == max_items or (len(batches[-1]) + 1) * lengths[index] > max_tokens
        )
        if not batches or full:
            batches.append([])
        batches[-1].append(index)
    return batches


def plan_parts(
    lengths: Sequence[int], *, max_tokens: int, overhead: int, sizes: Sequence[int]
) -> list[list[int]]:
    """Split texts into parts that cost the least, each padded to its longest text.

    A part costs its padded tokens and ``overhead``: where lengths differ much several parts cost
    less than the padding of one.

    Args:
        lengths: Tokens per text, in input order; each >= 1.
        max_tokens: Most padded tokens in a part of several texts.
        overhead: What a part costs besides its tokens, in tokens, >= 0.
        sizes: How many texts a part may have; 1 among them.

    Returns:
        Parts of indices into ``lengths``, the longest texts first: short parts fill the gaps that
        long ones leave at the end. Every index appears exactly once.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    least = [0.0] * (len(order) + 1)  # of the texts from each place on
    ends = [0] * len(order)
    for start in range(len(order) - 1, -1, -1):
        longest = lengths[order[start]]
        most = max(1, min(max_tokens // longest, len(order) - start))
        least[start], ends[start] = min(
            (overhead + rows * longest + least[start + rows], start + rows)
            for rows in sizes
            if rows <= most
        )
    parts: list[list[int]] = []
    start = 0
    while start < len(order):
        parts.append(order[start : ends[start]])
        start = ends[start]
    return parts
