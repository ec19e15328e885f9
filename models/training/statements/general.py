"""Writes English headlines that do not concern finance, and some of the economy that do.

Public sets of headlines sort business from technology, entertainment and health; none that may be
trained on has politics, sport or crime.
"""

import random
from collections.abc import Iterator

from models.labels import Sentiment
from models.training.statements import style
from models.training.statements.draft import Draft
from models.training.statements.lists import grammar

_ECONOMY = 0.35
_SUMMARY = 0.25
_TITLE_CASE = 0.3
_PLAIN_ENDS = (". ", " - ", "\n", ": ")


def generate_general(count: int, *, seed: int) -> Iterator[dict[str, str]]:
    """Yield distinct headlines, one in four with a summary.

    Args:
        count: How many.
        seed: The same seed gives the same headlines.

    Yields:
        Rows of ``text`` and ``category``: ``business`` or ``general``.
    """
    rng = random.Random(seed)  # noqa: S311 - texts, not secrets
    seen: set[str] = set()
    while len(seen) < count:
        category = "business" if rng.random() < _ECONOMY else "general"
        text = _headline("economy" if category == "business" else "general", rng)
        if text not in seen:
            seen.add(text)
            yield {"text": text, "category": category}


def _headline(start: str, rng: random.Random) -> str:
    draft = Draft("en", Sentiment.NEUTRAL, rng, banks=False)
    rules = grammar("en")

    def drawn(part: str) -> str:
        text = style.tidy(rules.draw(f"{start}.{part}", draft, rng))
        return style.capitalised(style.percentages(text, rng))

    text = drawn("headline")
    if rng.random() < _TITLE_CASE:
        text = style.title_case(text)
    if rng.random() < _SUMMARY:
        text += rng.choice(_PLAIN_ENDS) + drawn("more")
    return draft.place(text)[0]
