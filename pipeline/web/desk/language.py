"""The desk's texts in English and Chinese, from one catalogue, and which of them a reader gets."""

import tomllib
from functools import cache
from importlib import resources

LANGUAGES = ("en", "zh")
_CATALOGUE = "texts.toml"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every text by its key, then by language."""
    file = resources.files("pipeline.web.desk") / _CATALOGUE
    return tomllib.loads(file.read_text(encoding="utf-8"))


def choose(*, asked: str | None, kept: str | None, accepted: str) -> str:
    """Return the language of a page.

    Args:
        asked: Of the address; wins if it is one of ours.
        kept: Of the cookie; comes next.
        accepted: The browser's Accept-Language; its first of ours comes last.

    Returns:
        "en" or "zh"; English where nothing fits.
    """
    for wish in (asked, kept):
        if wish in LANGUAGES:
            return str(wish)
    for part in accepted.split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def say(language: str, key: str, **values: object) -> str:
    """Return a text with its values put in; raises KeyError where the catalogue lacks it."""
    return catalogue()[key][language].format(**values)
