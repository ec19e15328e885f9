"""docs/settings.md names every setting, with its default and its meaning."""

import csv
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from models.entities.table import read_own
from pipeline.runtime import variable_name
from pipeline.settings import Settings
from pipeline.sources.feeds import load_feeds
from tests.compose import ROOT

PAGE = (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def fields(
    group: type[BaseModel] = Settings, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in group.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, (*path, name))
        else:
            yield (*path, name), field


def shown_default(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == ():
        return "(none)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        words = ", ".join(f'"{word}"' for word in value)
        return f"`[{words}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def choices(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return f" One of {', '.join(f'`{word}`' for word in get_args(annotation))}."
    return ""


def row(location: tuple[str, ...], field: FieldInfo) -> str:
    meaning = f"{field.description}{choices(field.annotation)}".replace("|", "\\|")
    return f"| `{variable_name(location)}` | {shown_default(field.default)} | {meaning} |"


def test_every_setting_says_what_it_means() -> None:
    assert [location for location, field in fields() if not field.description] == []


def test_the_page_has_a_row_for_every_setting_and_no_other() -> None:
    expected = [row(location, field) for location, field in fields()]

    assert [line for line in PAGE.splitlines() if line.startswith("| `TAPEWATCH_")] == expected


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_of_a_feeds_file_can_be_loaded(tmp_path: Path) -> None:
    [example] = examples("toml")
    path = tmp_path / "feeds.toml"
    path.write_text(example, encoding="utf-8")

    assert len(load_feeds(path)) == len(tomllib.loads(example)["feed"])


def test_the_example_of_a_companies_file_can_be_loaded(tmp_path: Path) -> None:
    [example] = examples("csv")
    path = tmp_path / "companies.csv"
    path.write_text(example, encoding="utf-8")

    assert len(list(read_own(path))) == len(list(csv.reader(example.splitlines()))) - 1


@pytest.mark.parametrize("line", re.findall(r"^TAPEWATCH_.*$", PAGE, re.MULTILINE))
def test_an_example_line_is_a_valid_setting(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, value = line.partition("=")
    monkeypatch.setenv(name, value.strip("'"))

    assert Settings() != Settings.model_construct()
