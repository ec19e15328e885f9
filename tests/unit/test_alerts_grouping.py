"""Which alert tells what another one tells already."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.grouping import told_by

ids = st.frozensets(st.sampled_from("abcdefgh"), max_size=8)


def test_half_of_the_accounts_are_enough_and_less_are_not() -> None:
    assert told_by("ab", {"leader": "a"}) == "leader"
    assert told_by("abc", {"leader": "a"}) is None


def test_of_several_it_is_the_one_that_tells_most_then_the_first() -> None:
    assert told_by("abc", {"one": "ab", "two": "abc", "three": "abcdef"}) == "two"


def test_nobody_tells_nothing() -> None:
    assert told_by("", {"leader": ""}) is None
    assert told_by("a", {}) is None


@given(own=ids, others=st.dictionaries(st.integers(0, 3), ids, max_size=4))
def test_who_is_chosen_shares_half_and_nobody_shares_more(
    own: frozenset[str], others: dict[int, frozenset[str]]
) -> None:
    chosen = told_by(own, others)

    shared = {key: len(own & each) for key, each in others.items()}
    most = max(shared.values(), default=0)
    if own and 2 * most >= len(own):
        assert chosen is not None
        assert shared[chosen] == most
    else:
        assert chosen is None
