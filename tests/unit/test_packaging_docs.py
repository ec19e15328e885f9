"""README and docs: links lead somewhere, commands exist, the image runs as nobody special."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from pipeline.cli.main import app
from tests.compose import ROOT

PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "README.zh-CN.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def links(text: str) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [t for t in targets if not t.startswith(("http:", "https:", "mailto:"))]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def code(page: Path) -> str:
    """Return what stands in a page's fenced blocks of shell."""
    return "".join(re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    known = set(getattr(get_command(app), "commands", {}))

    assert set(re.findall(r"\btapewatch ([a-z][a-z-]*)", code(page))) <= known


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    shown = re.findall(r"`make ([a-z-]+)", page.read_text("utf-8"))

    assert {*shown, *re.findall(r"^make ([a-z-]+)", code(page), re.M)} <= targets


def test_the_readme_lists_every_page_of_the_docs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in readme


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line.startswith("USER")][-1] == "USER 10001:10001"


def test_every_page_that_the_code_speaks_of_exists() -> None:
    for package in ("pipeline", "models", "alerts", "db"):
        for path in (ROOT / package).rglob("*.py"):
            for page in re.findall(r"docs/[\w/.-]+\.md", path.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{path.relative_to(ROOT)} speaks of {page}"


def outline(text: str) -> list[int]:
    """Return the levels of a page's headings, in order."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.M)]


def commands(text: str) -> list[str]:
    """Return the lines of a page's blocks of shell and SQL without their comments."""
    blocks = re.findall(r"^```(?:sh|sql)\n(.*?)^```", text, re.M | re.S)
    return [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]


def test_the_chinese_readme_keeps_step_with_the_english_one() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")

    assert "README.zh-CN.md" in english
    assert outline(chinese) == outline(english)
    assert commands(chinese) == commands(english)
    assert set(re.findall(r"TAPEWATCH_\w+", chinese)) == set(re.findall(r"TAPEWATCH_\w+", english))
    assert set(re.findall(r"docker-compose[\w.]*", chinese)) == set(
        re.findall(r"docker-compose[\w.]*", english)
    )
