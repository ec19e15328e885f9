"""One target's run: a process of ``one`` with seeds to begin from, listened to until it ends."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.findings import found
from tests.fuzz.report import Heard, Result
from tests.fuzz.target import Target, load

# A run of one input that takes longer is a finding; parsers are done in milliseconds.
_TIMEOUT_S = 10
_MAX_MEMORY_MB = 2_048
_SAY_EVERY_S = 10.0
# One that dies at once would die at once again.
_LEAST_S = 3.0


def fuzz(name: str, *, seconds: int, folder: Path) -> Result:
    """Fuzz one target and say how it goes.

    Args:
        name: Of the target.
        seconds: How long; where its process dies, another one takes the rest.
        folder: For inputs that reach something new, and for findings.

    Returns:
        What came of it; of its findings those of this run alone.
    """
    target = load(name)
    corpus, findings = folder / "corpus", folder / "findings"
    words = _prepare(target, folder, corpus, findings)
    started = time.monotonic()
    executions = edges = 0
    left = float(seconds)
    while left > _LEAST_S:
        begun = time.monotonic()
        command = _command(name, target, corpus, findings, words, round(left))
        status, told = _listened_to(command, name, begun)
        executions, edges = executions + told.executions, max(edges, told.edges)
        left = seconds - (time.monotonic() - started)
        if status == 0 or time.monotonic() - begun < _LEAST_S:
            break
    return Result(name, executions, time.monotonic() - started, edges, tuple(found(findings)))


def _prepare(target: Target, folder: Path, corpus: Path, findings: Path) -> Path:
    """Write the seeds and the words, and take away what an earlier run found."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    for path in findings.glob("*"):
        path.unlink()
    words = folder / "words"
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in quoted), "ascii")
    return words


def _command(
    name: str, target: Target, corpus: Path, findings: Path, words: Path, seconds: int
) -> list[str]:
    return [
        *(sys.executable, "-m", "tests.fuzz.one", name, str(findings)),
        f"-max_total_time={seconds}",
        f"-max_len={target.max_bytes}",
        f"-timeout={_TIMEOUT_S}",
        f"-rss_limit_mb={_MAX_MEMORY_MB}",
        f"-dict={words}",
        f"-artifact_prefix={findings}/",
        str(corpus),
    ]


def _listened_to(command: list[str], name: str, begun: float) -> tuple[int, Heard]:
    """Run a process to its end; return its status and what it told."""
    told, said_at = Heard(), begun
    with subprocess.Popen(  # noqa: S603  # ours
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            for line in _lines(process):
                told = told.after(line)
                if time.monotonic() - said_at >= _SAY_EVERY_S:
                    said_at = time.monotonic()
                    _say(f"{name}: {told.executions:,} executions, {told.edges:,} edges")
        except BaseException:  # who is asked to end takes the process along
            process.terminate()
            raise
    return process.returncode, told


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    yield from process.stderr


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # progress, for whoever waits
