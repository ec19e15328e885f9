"""Runs trials side by side, each job on servers of its own: most faults hit whole servers."""

import ctypes
import json
import logging
import multiprocessing
import re
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tests.faults.bench import Bench, open_bench
from tests.faults.fault import Fault
from tests.faults.faults import FAULTS
from tests.faults.receiver import Said
from tests.faults.report import Line
from tests.faults.run import Result, run

Planned = tuple[str, int]
"""Name of a fault, and the seed of its trial."""

_CONTEXT = multiprocessing.get_context("spawn")
_PR_SET_PDEATHSIG = 1
_LEAVE_WITHIN_S = 60


def plan(names: Sequence[str], done: Sequence[Line], *, runs: int, seed: int) -> list[Planned]:
    """Return what to run: always the fault that has the fewest runs.

    Args:
        names: Of the faults, in the order that decides between equals.
        done: Earlier trials, which count.
        runs: How many are planned, >= 0.
        seed: Of the first, each next has one more.
    """
    counts = {name: sum(line.fault == name for line in done) for name in names}

    def rarest() -> Iterator[str]:
        while True:
            name = min(counts, key=counts.__getitem__)
            counts[name] += 1
            yield name

    return [(name, seed + number) for number, name in enumerate(islice(rarest(), runs))]


def run_planned(planned: Sequence[Planned], *, jobs: int, lines: Path) -> None:
    """Run trials in as many processes as ``jobs`` says, and append a line for each.

    The logs of one that does not agree are kept beside the lines, in ``failed``.

    Raises:
        SystemExit: If a job could not go on.
    """
    taken = _CONTEXT.Value("i", 0)
    processes = [
        _CONTEXT.Process(target=_job, args=(planned, taken, lines)) for _ in range(max(jobs, 1))
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join(_LEAVE_WITHIN_S)
    if any(process.exitcode for process in processes):
        raise SystemExit("a job has ended before its time")


def _job(planned: Sequence[Planned], taken: "Synchronized[int]", lines: Path) -> None:
    """Run trials until none is left; runs in a process of its own."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    # Leave by the way that unmounts and stops all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logging.disable(logging.WARNING)
    faults = {fault.name: fault for fault in FAULTS}
    with open_bench() as bench:
        result, expected = run(bench, FAULTS[0], seed=0, expected=None)
        assert result.ledger.agrees, result.ledger.brief()
        assert expected, "the stream raises no alert"
        for name, seed in _left(planned, taken):
            if why := faults[name].impossible(bench):
                _say(f"{name}: left out, {why}")
                continue
            line = _one(bench, faults[name], seed, expected, lines.parent / "failed")
            with lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line.__dict__) + "\n")


def _left(planned: Sequence[Planned], taken: "Synchronized[int]") -> Iterator[Planned]:
    """Yield those that no other job has taken."""
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(planned):
            return
        yield planned[number]


def _one(bench: Bench, fault: Fault, seed: int, expected: frozenset[Said], failed: Path) -> Line:
    """Run one trial and tell of it; one that cannot be finished does not agree, either."""
    began = time.monotonic()
    try:
        result, _ = run(bench, fault, seed, expected)
    except Exception:  # noqa: BLE001  # the next trial begins on a bench that is whole
        what, line = traceback.format_exc(), Line.unfinished(fault.name, seed)
    else:
        what, line = _words(result, time.monotonic() - began), Line.of(result)
    _say(f"{fault.name}: seed {seed}, {what}")
    if not line.agrees:
        name = re.sub(r"\W+", "-", fault.name)
        _keep_logs(bench, failed / f"{name}-{seed}", what)
    bench.mend()
    return line


def _words(result: Result, took_s: float) -> str:
    words = f"broke at {result.broke_at:.0%} of the stream, recovered in {result.recovery_s:.1f} s,"
    agrees = result.ledger.agrees
    books = "agrees" if agrees else f"DOES NOT AGREE: {result.ledger.brief()}"
    return f"{words} took {took_s:.1f} s: {books}"


def _keep_logs(bench: Bench, where: Path, what: str) -> None:
    for folder in bench.folder.glob(f"trial_{bench.trials}-*"):
        shutil.copytree(folder, where, dirs_exist_ok=True)
    where.mkdir(parents=True, exist_ok=True)
    (where / "what.txt").write_text(what, "utf-8")


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  # a command
