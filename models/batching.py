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
