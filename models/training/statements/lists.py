"""Reads the word lists and the rules that lie beside this module."""

from collections.abc import Iterator
from functools import cache
from importlib import resources

from models.training.statements.grammar import Grammar

_FOLDER = resources.files("models.training.statements")


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the words of one list, such as ``en_place``."""
    return _lists()[name]


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    found = {}
    for line in (_FOLDER / "words.txt").read_text(encoding="utf-8").splitlines():
        name, _, listed = line.partition(":")
        if listed:
            found[name.strip()] = tuple(word.strip() for word in listed.split(","))
    return found


@cache
def grammar(language: str) -> Grammar:
    """Return the rules of one language, read from all its files."""
    return Grammar(_lines(language))


def _lines(language: str) -> Iterator[str]:
    files = [file for file in _FOLDER.iterdir() if file.name.startswith(f"{language}_")]
    for file in sorted(files, key=lambda each: each.name):
        yield from file.read_text(encoding="utf-8").splitlines()
