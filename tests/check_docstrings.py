"""Run pydoclint and report what is wrong in a docstring, not what is left out of it.

A docstring here says only what the signature cannot, so it may skip arguments and results that
explain themselves. What it does say must be true: no argument that is not there, no result of
a function that has none, no ``raise`` without its section. pydoclint cannot be told so itself.
"""

import re
import subprocess
import sys
from collections.abc import Iterable

_LEFT_OUT = {
    "DOC101",  # fewer arguments than in the signature
    "DOC201",  # no section for the result
    "DOC403",  # a protocol's method yields, but has no body
    "DOC502",  # raises what a function that it calls raises
    "DOC503",  # the same, and something of its own
}
_NOT_THERE = "Arguments in the docstring but not in the function signature"
_FINDING = re.compile(r"^\s+\d+: (DOC\d+): (.*)")


def wrong(lines: Iterable[str]) -> list[str]:
    """Return the findings that matter, each with its file."""
    found = []
    path = ""
    for line in lines:
        match = _FINDING.match(line)
        if match is None:
            path = line.strip() or path
        elif match[1] not in _LEFT_OUT and (match[1] != "DOC103" or _NOT_THERE in match[2]):
            found.append(f"{path}:{line.strip()}")
    return found


def main() -> int:
    """Check the folders of the command line; 1 if something is wrong."""
    command = [sys.executable, "-m", "pydoclint.main", "--quiet", *sys.argv[1:]]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if told.returncode not in {0, 1}:
        sys.stderr.write(told.stdout + told.stderr)
        return told.returncode
    found = wrong((told.stdout + told.stderr).splitlines())
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
