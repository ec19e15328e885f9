import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batching import plan_batches


@given(lengths=st.lists(st.integers(1, 512)), max_items=st.integers(1, 64))
def test_plan_batches_keeps_every_text_and_both_limits(lengths: list[int], max_items: int) -> None:
    batches = plan_batches(lengths, max_items=max_items, max_tokens=4096)

    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) <= max_items for batch in batches)
    assert all(len(batch) * max(lengths[i] for i in batch) <= 4096 for batch in batches)


def test_a_text_that_fits_into_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        plan_batches([10, 600], max_items=8, max_tokens=512)
