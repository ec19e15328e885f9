"""README and docs: links lead somewhere, commands exist, the image runs as nobody special."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.main import get_command

from pipeline.cli.main import app
from pipeline.settings import Settings, WebSettings
from pipeline.web.app import create_app
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


def options(words: list[str]) -> set[str]:
    """Return the options of the command that these words of a command line begin with."""
    command: Any = get_command(app)
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command = inner
    return {option for param in command.params for option in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_option_of_a_command_that_a_page_shows_exists(page: Path) -> None:
    text = page.read_text("utf-8").replace("\\\n", " ")
    # In running text a command ends with its backtick.
    for line in re.findall(r"(?:^|`| )tapewatch ([a-z][^`\n|#]*)", text, re.M):
        words = line.split()
        shown = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert shown <= options(words), line


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_route_that_a_page_shows_exists(page: Path) -> None:
    assert routes(page) <= served()


def test_every_route_is_in_the_page_of_the_api() -> None:
    assert routes(ROOT / "docs/api.md") == served()


def routes(page: Path) -> set[tuple[str, str]]:
    """Return methods and paths that a page shows, without the names in their places."""
    shown = re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?\s]+)", page.read_text("utf-8"))
    return {(method, re.sub(r"\{[\w-]+\}", "{}", path)) for method, path in shown}


@cache
def served() -> frozenset[tuple[str, str]]:
    web = WebSettings(api_key=SecretStr("a-key-of-the-tests"))
    paths = create_app(Settings(web=web)).openapi()["paths"]
    return frozenset(
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in paths.items()
        for method in methods
    )


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
