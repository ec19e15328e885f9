"""Rules and bodies of requests that make no sense: refused in words, never a bug."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.messages import Limits
from pipeline.rules import Rules, RulesError, load_rules
from pipeline.web.problems import Problem
from pipeline.web.routes_items import _contents, _read
from pipeline.web.routes_stream import last_seen

_NAMES = st.sampled_from(
    ["name", "entities", "topics", "market", "window", "long_window", "min_ratio", "alerts_per_day"]
)
_SCALARS = st.one_of(
    st.sampled_from(['"all"', '"4h"', '"0"', '"-1d"', '"99999999999d"', "true", "nan", "inf"]),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.text(st.characters(codec="utf-8"), max_size=10).map(repr),
)
_LINES = st.tuples(_NAMES, st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3).map(", ".join)))


def _loaded(path: Path) -> Rules | None:
    try:
        return load_rules(path)
    except RulesError as error:
        told = str(error)
    assert path.name in told
    return None


@given(st.lists(_LINES, max_size=8))
@settings(max_examples=80, deadline=None)
def test_any_table_of_rules_is_taken_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    content = "".join(f"{name} = {value}\n" for name, value in dict(lines).items())
    path.write_text(f"[[rules]]\n{content}", "utf-8", "replace")

    rules = _loaded(path)

    assert rules is None or rules.longest_window.total_seconds() > 0


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_as_rules_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_bytes(content)

    assert _loaded(path) is None


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["items", "title", "body", "published_at", "source", "id", "url"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(_JSON)
@settings(max_examples=100, deadline=None)
def test_any_json_in_a_request_is_items_and_reasons_or_a_problem(content: object) -> None:
    try:
        contents = _contents(json.dumps(content).encode())
    except Problem as problem:
        contents, status = [], problem.status
    else:
        status = 400
    assert status == 400
    items, errors = _read(contents, Limits())

    assert len(items) + len(errors) == len(contents)
    assert all(item.title for item in items)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_nesting_without_measure_is_no_json(body: bytes) -> None:
    with pytest.raises(Problem) as told:
        _contents(body)

    assert told.value.status == 400


def test_a_number_out_of_all_range_is_no_title() -> None:
    items, errors = _read(_contents(b'[{"title":1e999999}]'), Limits())

    assert (items, len(errors)) == ([], 1)


@pytest.mark.parametrize("told", ["9" * 5_000, str(2**63), "²", "-1", "x"])
def test_a_place_in_the_stream_that_no_event_has_is_a_problem(told: str) -> None:
    with pytest.raises(Problem) as problem:
        last_seen(told)

    assert problem.value.status == 400


def test_a_number_of_a_hundred_thousand_digits_is_no_item() -> None:
    with pytest.raises(Problem):
        _contents(b"1" * 100_000)
