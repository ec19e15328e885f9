"""What libFuzzer says of a run, read and put into a table."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

_PULSE = re.compile(r"#(\d+)\s+[A-Za-z]+\s+(?:cov: (\d+))?")
_TOTAL = re.compile(r"Done (\d+) runs in (\d+) second")
_HEAD = "| target | executions | executions/s | edges | findings |\n| --- | --: | --: | --: | --: |"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a process has told so far; a process that dies tells its last pulse."""

    executions: int = 0
    edges: int = 0

    def after(self, line: str) -> "Heard":
        """Return what is known after one more line."""
        if total := _TOTAL.search(line):
            return replace(self, executions=int(total[1]))
        if pulse := _PULSE.match(line):
            return Heard(int(pulse[1]), int(pulse[2] or self.edges))
        return self


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one target."""

    name: str
    executions: int
    seconds: float
    edges: int
    findings: tuple[Path, ...]


def heard(lines: Iterable[str]) -> Heard:
    """Return what all lines together tell."""
    told = Heard()
    for line in lines:
        told = told.after(line)
    return told


def table(results: Sequence[Result]) -> str:
    """Return one row a target, and one for all."""
    rows = [_row(each.name, [each]) for each in results]
    return "\n".join([_HEAD, *rows, _row("**all**", results)])


def _row(name: str, results: Sequence[Result]) -> str:
    executions = sum(each.executions for each in results)
    seconds = sum(each.seconds for each in results)
    edges = sum(each.edges for each in results)
    findings = sum(len(each.findings) for each in results)
    rate = executions / seconds if seconds else 0.0
    return f"| {name} | {executions:,} | {rate:,.0f} | {edges:,} | {findings} |"
