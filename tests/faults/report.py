"""The table of docs/reliability.md, from the lines that trials leave."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults.faults import FAULTS
from tests.faults.run import Result

_BEGIN, _END = "<!-- faults: begin -->", "<!-- faults: end -->"
_HEAD = (
    "| fault | runs | items | lost | doubled | alerts missing | other | recovery, median "
    "| worst |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n"
)


@dataclass(frozen=True)
class Line:
    """One trial, as it is kept."""

    fault: str
    seed: int
    items: int
    lost: int
    doubled: int
    missing: int
    problems: int
    recovery_s: float

    @classmethod
    def of(cls, result: Result) -> "Line":
        """Return what is kept of a result."""
        ledger = result.ledger
        return cls(
            result.fault,
            result.seed,
            ledger.items,
            len(ledger.lost),
            len(ledger.doubled),
            len(ledger.missing),
            len(ledger.problems),
            round(result.recovery_s, 1),
        )

    @classmethod
    def unfinished(cls, fault: str, seed: int) -> "Line":
        """Return what is kept of a trial that broke off: a problem."""
        return cls(fault, seed, 0, 0, 0, 0, 1, 0.0)

    @property
    def agrees(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.lost or self.doubled or self.missing or self.problems)


def read_lines(path: Path) -> list[Line]:
    """Return all trials of a file; none where there is no file."""
    if not path.exists():
        return []
    return [Line(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def table(lines: Sequence[Line]) -> str:
    """Return the table, one row a fault and one for all."""
    order = [fault.name for fault in FAULTS]
    rows = [_row(name, [line for line in lines if line.fault == name]) for name in order]
    return _HEAD + "".join([*rows, _row("**all**", lines)])


def _row(name: str, lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    sums = [
        len(lines),
        *(
            sum(getattr(line, key) for line in lines)
            for key in ("items", "lost", "doubled", "missing", "problems")
        ),
    ]
    times = [line.recovery_s for line in lines]
    cells = [name, *(f"{each:,}" for each in sums), f"{median(times):.1f} s", f"{max(times):.1f} s"]
    return f"| {' | '.join(cells)} |\n"


def write_table(path: Path, lines: Sequence[Line]) -> None:
    """Put the table between the two marks of a page."""
    page = path.read_text("utf-8")
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    path.write_text(f"{before}{_BEGIN}\n{table(lines)}{_END}{after}", "utf-8")
