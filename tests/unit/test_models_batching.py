import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batching import plan_batches, plan_parts


@given(lengths=st.lists(st.integers(1, 512)), max_items=st.integers(1, 64))
def test_plan_batches_keeps_every_text_and_both_limits(lengths: list[int], max_items: int) -> None:
    batches = plan_batches(lengths, max_items=max_items, max_tokens=4096)

    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) <= max_items for batch in batches)
    assert all(len(batch) * max(lengths[i] for i in batch) <= 4096 for batch in batches)


def test_a_text_that_fits_into_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        plan_batches([10, 600], max_items=8, max_tokens=512)


@given(
    lengths=st.lists(st.integers(1, 512), max_size=40),
    max_tokens=st.integers(1, 2048),
    overhead=st.integers(0, 100),
)
def test_plan_parts_keeps_every_text_the_limit_and_the_sizes(
    lengths: list[int], max_tokens: int, overhead: int
) -> None:
    parts = plan_parts(lengths, max_tokens=max_tokens, overhead=overhead, sizes=(1, 2, 4, 8))

    assert sorted(i for part in parts for i in part) == list(range(len(lengths)))
    assert {len(part) for part in parts} <= {1, 2, 4, 8}
    for part in parts:
        assert len(part) == 1 or len(part) * max(lengths[i] for i in part) <= max_tokens


def test_texts_share_a_part_only_where_that_costs_less() -> None:
    lengths = [16, 100, 16, 96]

    apart = plan_parts(lengths, max_tokens=1000, overhead=40, sizes=(1, 2, 3, 4))
    together = plan_parts(lengths, max_tokens=1000, overhead=200, sizes=(1, 2, 3, 4))

    assert apart == [[1, 3], [0, 2]]
    assert together == [[1, 3, 0, 2]]
