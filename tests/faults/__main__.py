"""Breaks everything many times over, and writes the table of docs/reliability.md.

Every trial is a line of a file as well, so that runs add up and a seed can be run again.
"""

import argparse
import random
import signal
import sys
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.jobs import plan, run_planned
from tests.faults.report import read_lines, write_table

_DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


def main() -> None:
    """Run what the arguments say."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lines: Path = arguments.lines
    lines.parent.mkdir(parents=True, exist_ok=True)
    names = arguments.fault or [fault.name for fault in FAULTS]
    seed = arguments.seed or random.SystemRandom().randrange(10**6)
    if planned := plan(names, read_lines(lines), runs=arguments.runs, seed=seed):
        run_planned(planned, jobs=min(arguments.jobs, len(planned)), lines=lines)
    write_table(_DOCS, read_lines(lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=len(FAULTS), help="trials; 0 writes the table")
    parser.add_argument(
        "--fault",
        action="append",
        choices=[fault.name for fault in FAULTS],
        metavar="NAME",
        help="only this one; may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=1, help="trials at once, each on own servers")
    parser.add_argument("--seed", type=int, help="of the first trial, each next has one more")
    parser.add_argument("--lines", type=Path, default=Path("runs/faults.jsonl"), help="results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
