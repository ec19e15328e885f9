"""The books of the trials: they show what they are there to show."""

from dataclasses import replace
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.jobs import plan
from tests.faults.ledger import Ledger, overtaken
from tests.faults.report import Line, read_lines, table, write_table

LINE = Line("none", 1, 165, 0, 0, 0, 0, 2.5)


def test_each_kind_of_disagreement_is_one() -> None:
    assert Ledger(items=3).agrees
    assert not Ledger(items=3, lost=["a"]).agrees
    assert not Ledger(items=3, doubled=["a"]).agrees
    assert not Ledger(items=3, missing=[("id", "alert.fired", "now", "")]).agrees
    assert not Ledger(items=3, problems=["it took 11 s to end"]).agrees
    assert "2 lost, such as a" in Ledger(items=3, lost=["a", "b"]).brief()


def test_an_offset_that_is_committed_beyond_what_is_stored_is_told() -> None:
    assert overtaken({0: 5, 1: 0}, {0: 5}) == []
    assert overtaken({0: 5, 1: 1}, {0: 4}) == [
        "partition 0 is committed to 5 and stored to 4",
        "partition 1 is committed to 1 and stored to 0",
    ]


def test_the_table_sums_the_trials_of_a_fault_and_of_all(tmp_path: Path) -> None:
    other = FAULTS[1].name
    lines = [LINE, replace(LINE, lost=2, recovery_s=9.0), replace(LINE, fault=other)]

    rows = table(lines).splitlines()

    assert rows[2] == "| none | 2 | 330 | 2 | 0 | 0 | 0 | 5.8 s | 9.0 s |"
    assert rows[3].startswith(f"| {other} | 1 | 165 | 0 |")
    assert rows[4].startswith("| **all** | 3 | 495 | 2 |")
    assert len(rows) == 5
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- faults: begin -->\nold\n<!-- faults: end -->\nafter\n")
    write_table(page, lines)
    write_table(page, lines)
    assert page.read_text().count("| none |") == 1
    assert page.read_text().endswith("<!-- faults: end -->\nafter\n")
    assert read_lines(tmp_path / "nothing.jsonl") == []


def test_no_two_faults_have_one_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_fault_with_the_fewest_trials_is_next() -> None:
    done = [LINE, LINE, replace(LINE, fault="b")]

    planned = plan(["none", "b", "c"], done, runs=6, seed=10)

    assert planned == [("c", 10), ("b", 11), ("c", 12), ("none", 13), ("b", 14), ("c", 15)]
    assert plan(["none"], done, runs=0, seed=10) == []


def test_a_trial_that_broke_off_does_not_agree() -> None:
    assert LINE.agrees
    assert not Line.unfinished("none", 3).agrees
