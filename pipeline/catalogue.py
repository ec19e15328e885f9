"""Every text for people in English and Chinese, from one catalogue: the desk's, chat and mail."""

import tomllib
from functools import cache
from importlib import resources

LANGUAGES = ("en", "zh")
_CATALOGUE = "texts.toml"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every text by its key, then by language."""
    file = resources.files("pipeline") / _CATALOGUE
    return tomllib.loads(file.read_text(encoding="utf-8"))


def say(language: str, key: str, **values: object) -> str:
    """Return a text with its values put in; raises KeyError where the catalogue lacks it."""
    return catalogue()[key][language].format(**values)
