"""Every target in short: its seeds and mutations of them, the same ones each time.

The long mode is `make fuzz`, led by coverage.
"""

from pathlib import Path

import pytest

from tests.fuzz.findings import Findings, found, place_of
from tests.fuzz.mutate import inputs
from tests.fuzz.report import Result, heard, table
from tests.fuzz.target import NAMES, Target, load

# Half a second each where nothing else runs.
MUTATIONS = {
    "item": 120,
    "feed": 80,
    "feed_list": 150,
    "rules": 150,
    "request": 150,
    "endpoint": 200,
}
OTHERS = 300


@pytest.mark.parametrize("name", NAMES)
def test_a_parser_stands_its_seeds_and_their_mutations(name: str) -> None:
    target = load(name)

    with target.surroundings():
        for content in inputs(target, mutations=MUTATIONS.get(name, OTHERS)):
            try:
                target.run(content)
            except Exception as error:
                error.add_note(f"{place_of(error)}, of {content!r}")
                raise


def test_a_target_has_a_module_and_each_module_is_a_target() -> None:
    modules = {path.stem for path in (Path(__file__).parent / "targets").glob("[a-z]*.py")}

    assert modules == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_seed_is_longer_than_what_is_tried(name: str) -> None:
    target = load(name)

    assert len(set(target.seeds)) == len(target.seeds)
    assert all(len(seed) <= target.max_bytes for seed in target.seeds)


def test_mutations_are_the_same_each_time_and_most_are_no_seeds() -> None:
    target = Target(lambda _: None, seeds=(b"abc" * 9, b"[1, 2]"), words=(b"null",), max_bytes=30)

    made = list(inputs(target, mutations=200))

    assert made == list(inputs(target, mutations=200))
    assert made != list(inputs(target, mutations=200, seed=1))
    assert len(set(made)) > 100
    assert max(map(len, made)) == 30


def raised(kind: type[Exception]) -> Exception:
    with pytest.raises(kind) as caught:
        raise kind
    return caught.value


def test_what_is_raised_in_one_place_is_one_finding(tmp_path: Path) -> None:
    findings = Findings(tmp_path)

    findings.add(b"first", raised(KeyError))
    findings.add(b"second", raised(KeyError))
    findings.add(b"third", raised(OSError))
    (tmp_path / "timeout-1").write_bytes(b"what a process that died left behind")

    kept = {path.read_bytes() for path in found(tmp_path)}
    assert kept == {b"first", b"third", b"what a process that died left behind"}
    assert any("KeyError at test_fuzz.py" in p.read_text("utf-8") for p in tmp_path.glob("*.txt"))


LINES = [
    "INFO: Seed: 1",
    "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 90Mb",
    "#400\tNEW    cov: 25 ft: 30 corp: 2/4b lim: 4 exec/s: 100 rss: 90Mb L: 3/3 MS: 1 ChangeBit-",
    "#512\tpulse  cov: 25 ft: 30 corp: 2/4b lim: 4 exec/s: 100 rss: 90Mb",
]


def test_a_process_that_dies_has_told_what_its_last_pulse_says() -> None:
    told = heard(LINES)

    assert (told.executions, told.edges) == (512, 25)


def test_a_process_that_ends_tells_how_many_runs_there_were() -> None:
    told = heard([*LINES, "Done 600 runs in 6 second(s)"])

    assert (told.executions, told.edges) == (600, 25)


def test_the_table_has_a_row_for_each_target_and_one_for_all() -> None:
    results = [Result("feed", 1_000, 10.0, 25, ()), Result("rules", 50, 10.0, 5, (Path("a"),))]

    rows = table(results).splitlines()

    assert rows[2:] == [
        "| feed | 1,000 | 100 | 25 | 0 |",
        "| rules | 50 | 5 | 5 | 1 |",
        "| **all** | 1,050 | 52 | 30 | 1 |",
    ]
