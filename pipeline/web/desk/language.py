"""Which language a reader of the desk gets; the texts are in ``pipeline.catalogue``."""

from pipeline.catalogue import LANGUAGES


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
