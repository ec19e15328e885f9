"""Which alert tells what another one tells already."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.grouping import told_by

ids = st.frozensets(st.sampled_from("abcdefgh"), max_size=8)


def test_two_companies_of_one_story_are_peers_and_one_beside_a_crisis_is_none() -> None:
    assert told_by("abcd", peers={"jet": "abc"}, wider={}) == "jet"
    # Named in each of its own accounts, but the crisis is about much else.
    assert told_by("abcd", peers={"crisis": "abcdefgh"}, wider={}) is None


def test_a_wider_alert_need_tell_but_half_of_it() -> None:
    assert told_by("ab", peers={}, wider={"topic": "acdefgh"}) == "topic"
    assert told_by("abc", peers={}, wider={"topic": "adefgh"}) is None


def test_a_peer_speaks_before_a_topic_and_the_likest_peer_before_others() -> None:
    peers = {"one": "abc", "two": "abcd"}
    assert told_by("abcd", peers=peers, wider={"topic": "abcd"}) == "two"
    assert told_by("abcd", peers={"one": "a"}, wider={"topic": "ab", "market": "abcd"}) == "topic"


def test_nobody_tells_nothing() -> None:
    assert told_by("", peers={"leader": ""}, wider={"topic": ""}) is None
    assert told_by("a", peers={}, wider={}) is None


@given(own=ids, other=ids)
def test_peers_speak_for_each_other_alike(own: frozenset[str], other: frozenset[str]) -> None:
    one = told_by(own, peers={"x": other}, wider={})

    assert one == told_by(other, peers={"x": own}, wider={})
    assert one is None or own & other
