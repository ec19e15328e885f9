"""How a statement is set: as a headline, as prose, or with spaces as a tokeniser leaves them."""

import random
import re

_SMALL = frozenset(
    ("a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "as",
     "its", "it", "is", "after", "than")
)  # fmt: skip
_NOT_AN = re.compile(r"\b([Aa]) (?=[aeioAEIO8]|u(?!n[ie]|s))(?!eu|EU|Eu|EEK|one|a\b)")


def tidy(text: str) -> str:
    """Return the text with the spaces and articles that the rules left open."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" (?=[,.;:!?])(?!\.\d)", "", text)
    text = text.replace("'s the ", "'s ")
    return _NOT_AN.sub(r"\1n ", text)


def percentages(text: str, rng: random.Random) -> str:
    """Return the text with another way to write percent, sometimes."""
    sign = rng.choice(("%", "%", "%", "%", " percent", " per cent", " pct"))
    return re.sub(r"(?<=\d)%", sign, text)


def capitalised(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def title_case(text: str) -> str:
    """Return the text as American headlines are written."""
    return " ".join(
        word if word in _SMALL or not word.isalpha() or word in {"mn", "bn", "mln", "pct"}
        else capitalised(word)
        for word in text.split(" ")
    )  # fmt: skip


def tokenised(text: str, rng: random.Random) -> str:
    """Return the text with spaces around its punctuation."""
    text = re.sub(r"(?<=\d)%", " %", text)
    text = re.sub(r"([,;:])(?=\s|$)", r" \1", text)
    text = re.sub(r"(?<=[\w%\ue000-\uf8ff)\"])\.(?=\s[A-Z\ue000-\uf8ff]|$)", " .", text)
    text = re.sub(r"(?<=[\w\ue000-\uf8ff])'s\b", " 's", text)
    text = text.replace("(", "( ").replace(")", " )")
    opening, closing = rng.choice((("`` ", " ''"), ('" ', ' "')))
    text = re.sub(r'"([^"]+)"', lambda match: opening + match[1] + closing, text)
    if rng.random() < 0.5:
        text = re.sub(r"([€$£])(?=\d)", r"\1 ", text)
    return re.sub(r"\s+", " ", text).strip()
