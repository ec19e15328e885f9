"""Fuzzes one target by atheris, led by coverage, until its time is over; a process of its own.

Started by ``tests.fuzz``. The arguments are the target, the folder of what it finds, and those of
libFuzzer. A target that raises is noted, and the fuzzing goes on; what ends the process itself
(no end, too much memory, a crash of native code) is left to libFuzzer's own files.
"""

import logging
import sys
from pathlib import Path

import atheris
import structlog

from tests.fuzz.findings import Findings
from tests.fuzz.target import WATCHED, load


def main() -> None:
    """Fuzz; libFuzzer ends the process."""
    name, folder, *arguments = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with atheris.instrument_imports(include=list(WATCHED[name])):
        target = load(name)
    findings = Findings(Path(folder))

    def once(content: bytes) -> None:
        try:
            target.run(content)
        except Exception as error:  # noqa: BLE001  # whatever it is: that is the question
            findings.add(content, error)

    with target.surroundings():
        atheris.Setup([sys.argv[0], *arguments], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
