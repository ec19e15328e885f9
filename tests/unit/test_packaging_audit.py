"""`make audit`, with another program in the place of uv."""

import os
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.compose import ROOT

LOCK = ROOT / "requirements/serve.lock"
TORCH = ROOT / "requirements/torch.txt"

# Notes what it is to look at; of torch it says what it is told to say.
_UV = """#!/usr/bin/env bash
while [ "$1" != --requirement ]; do shift; done
cat "$2" >> "$SEEN"
if grep -q "^torch==" "$2"; then echo "$SAYS"; exit "$STATUS"; fi
"""


def audit(folder: Path, *, says: str, status: int) -> tuple[int, str, str]:
    """Return the script's status, what it said, and what was looked at."""
    uv, seen = folder / "uv", folder / "seen"
    uv.write_text(_UV, encoding="utf-8")
    uv.chmod(0o755)
    told = {"SEEN": str(seen), "SAYS": says, "STATUS": str(status)}
    done = subprocess.run(  # noqa: S603
        ["bash", str(ROOT / "tests/audit.sh"), str(uv), str(LOCK), str(TORCH)],  # noqa: S607
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, seen.read_text(encoding="utf-8")


def test_the_audit_looks_at_the_lock_and_at_the_newest_torch_that_is_allowed(
    tmp_path: Path,
) -> None:
    status, _, seen = audit(tmp_path, says="No known vulnerabilities found", status=0)

    lines = TORCH.read_text(encoding="utf-8").splitlines()
    [allowed] = [Requirement(line) for line in lines if line and not line.startswith("#")]
    [newest] = [each.version for each in allowed.specifier if each.operator == "<="]
    assert status == 0
    assert seen.startswith(LOCK.read_text(encoding="utf-8"))
    assert seen.splitlines()[-1] == f"torch=={newest}"


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("Found 1 known vulnerability in 1 package", 1),
        ("requests.exceptions.ConnectionError: no route", 0),
        ("something else", 1),
    ],
)
def test_a_hole_fails_the_audit_and_advisories_that_are_away_do_not(
    tmp_path: Path, says: str, status: int
) -> None:
    assert audit(tmp_path, says=says, status=1)[0] == status
