"""Breaks everything many times over, and writes the table of docs/reliability.md.

Every trial is a line of a file as well, so that runs add up and a seed can be run again.
"""

import argparse
import fcntl
import json
import logging
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.bench import open_bench
from tests.faults.faults import FAULTS
from tests.faults.report import Line, read_lines, write_table
from tests.faults.run import Result, run

_DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


def main() -> None:
    """Run what the arguments say."""
    arguments = _arguments()
    logging.disable(logging.WARNING)
    # Leave by the way that unmounts and stops all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if arguments.runs:
        _run_all(arguments)
    write_table(_DOCS, read_lines(arguments.lines))


def _run_all(arguments: argparse.Namespace) -> None:
    chosen = [f for f in FAULTS if not arguments.fault or f.name in arguments.fault]
    with open_bench() as bench:
        with _lock(arguments.lock):
            result, expected = run(bench, FAULTS[0], seed=0, expected=None)
        assert result.ledger.agrees, result.ledger.brief()
        assert expected, "the stream raises no alert"
        possible = [fault for fault in chosen if not fault.impossible(bench)]
        for fault in chosen:
            if why := fault.impossible(bench):
                print(f"{fault.name}: left out, {why}", flush=True)  # noqa: T201  # a command
        first = arguments.seed or random.SystemRandom().randrange(10**6)
        for number in range(arguments.runs):
            fault = possible[number % len(possible)]
            with _lock(arguments.lock):
                began = time.monotonic()
                result, _ = run(bench, fault, first + number, expected)
                took_s = time.monotonic() - began
            _tell(result, took_s)
            with arguments.lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps(Line.of(result).__dict__) + "\n")


def _tell(result: Result, took_s: float) -> None:
    words = [f"{result.fault}: seed {result.seed}, broke at {result.broke_at:.0%} of the stream,"]
    words += [f"recovered in {result.recovery_s:.1f} s, took {took_s:.1f} s:"]
    words += ["agrees" if result.ledger.agrees else f"DOES NOT AGREE: {result.ledger.brief()}"]
    print(" ".join(words), flush=True)  # noqa: T201  # a command


@contextmanager
def _lock(path: Path | None) -> Iterator[None]:
    """Hold a lock that is shared with whatever else must not run meanwhile."""
    if path is None:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=len(FAULTS), help="trials; 0 writes the table")
    parser.add_argument("--fault", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, help="of the first trial, each next has one more")
    parser.add_argument("--lines", type=Path, default=Path("runs/faults.jsonl"), help="results")
    parser.add_argument("--lock", type=Path, help="file to lock for each trial")
    return parser.parse_args()


if __name__ == "__main__":
    main()
