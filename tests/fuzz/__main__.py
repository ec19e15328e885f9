"""Fuzzes every target in turn, each in a process of its own, and prints a table.

Inputs that reached something new are kept in the folder and are where the next run begins.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.fuzzing import fuzz
from tests.fuzz.report import Result, table
from tests.fuzz.target import NAMES


def main() -> None:
    """Run what the arguments say; ends with status 1 if there is a finding."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    results: Sequence[Result] = [
        fuzz(name, seconds=arguments.seconds, folder=arguments.folder / name)
        for name in arguments.target or NAMES
    ]
    print(table(results))  # noqa: T201  # what it is for
    for path in (path for result in results for path in result.findings):
        print(path)  # noqa: T201
    sys.exit(1 if any(result.findings for result in results) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument(
        "--target", action="append", choices=NAMES, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/fuzz"), help="inputs and findings"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
