"""Writes labelled financial statements, in English and Chinese, for training.

The rules and word lists in this folder are our own; only the names of companies come from the
project's table of them. See ``docs/statements.md`` for what is labelled how.
"""

import random
from collections.abc import Iterator
from typing import Any

from models.labels import Sentiment
from models.training.statements import style
from models.training.statements.draft import Draft
from models.training.statements.lists import grammar

_CHINESE = 0.25
_LABELS = (Sentiment.NEGATIVE, Sentiment.NEUTRAL, Sentiment.POSITIVE, None)
_WEIGHTS = (0.29, 0.38, 0.29, 0.04)
_TOKENISED = 0.31
_PROSE = 0.64
"""Of the English texts the first share is tokenised prose, up to the second one plain prose, and
the rest are headlines."""
_SECOND_SENTENCE = 0.2
_BANKS = 0.12
"""So often the subject is a bank, whatever the label: the word itself must not tell."""


def generate(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield distinct statements.

    Args:
        count: How many.
        seed: The same seed gives the same statements.

    Yields:
        Rows of ``text``, ``label`` (``negative``, ``neutral``, ``positive``, or None where a text
        is good for one and bad for another), ``language`` (``en`` or ``zh``) and ``entities``:
        each with ``start`` and ``end`` in characters, ``text``, ``sentiment`` and ``type``.
    """
    rng = random.Random(seed)  # noqa: S311 - texts, not secrets
    seen: set[str] = set()
    while len(seen) < count:
        row = _statement(rng)
        if row["text"] not in seen:
            seen.add(row["text"])
            yield row


def _statement(rng: random.Random) -> dict[str, Any]:
    language = "zh" if rng.random() < _CHINESE else "en"
    label = rng.choices(_LABELS, _WEIGHTS)[0]
    banks = rng.random() < _BANKS
    draft = Draft(language, label, rng, banks=banks)
    start = str(label) if label else "mixed"
    if banks and label:
        start += ".bank"
    text = (_english if language == "en" else _chinese)(start, draft, rng)
    draft.unite()
    text, entities = draft.place(text)
    return {
        "text": text,
        "label": str(label) if label else None,
        "language": language,
        "entities": entities,
    }


def _english(start: str, draft: Draft, rng: random.Random) -> str:
    rules = grammar("en")

    def drawn(rule: str) -> str:
        return style.capitalised(style.tidy(rules.draw(rule, draft, rng)))

    manner = rng.random()
    if manner < _PROSE:
        text = drawn(f"{start}.prose") + "."
        if rng.random() < _SECOND_SENTENCE:
            text += f" {drawn(rng.choice(('context', _next(start))))}."
        text = style.percentages(text, rng)
        return style.tokenised(text, rng) if manner < _TOKENISED else text
    headline = style.percentages(drawn(f"{start}.headline"), rng)
    if rng.random() < 0.35:
        headline = style.title_case(headline)
    if rng.random() < 0.7:
        return headline
    between = " " if headline.endswith("?") else rng.choice((". ", " - ", ". ", ": ", "\n"))
    return f"{headline}{between}{drawn(_next(start))}."


def _chinese(start: str, draft: Draft, rng: random.Random) -> str:
    rules = grammar("zh")
    if rng.random() < 0.4:
        return rules.draw(f"{start}.headline", draft, rng)
    body = rules.draw(f"{start}.prose", draft, rng) + "。"
    if rng.random() < 0.25:
        body += rules.draw(rng.choice(("context", _next(start))), draft, rng) + "。"
    if start == "mixed" or rng.random() < 0.6:
        return body
    headline = rules.draw(f"{start}.headline", draft, rng)
    return headline + ("" if headline.endswith("？") else rng.choice(("。", " ", "\n"))) + body


def _next(start: str) -> str:
    """Return the rule of another sentence; a second one with two fates might turn the first."""
    return "context" if start == "mixed" else f"{start}.prose"
