"""Labels the names in English news with a spaCy pipeline, for training only.

A small pipeline errs on headlines, so that a text is read several times, each time written a
little differently, and only kept where all readings agree. The gazetteer corrects companies.
"""

import hashlib
import html
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.entities.gazetteer import Gazetteer
from models.training.casing import Casing, is_titled, titled
from models.training.holdout import read_lines
from models.training.silver_names import PREFIX, Doubt, Name, settled

Reader = Callable[[Sequence[str]], Iterable[list[Name]]]
"""Finds the names of texts, in their order."""

_TYPES = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}
_BATCH = 512
_OFTEN = 3
_LINK = re.compile(r"\s*(?:https?://\S+|pic\.twitter\.com/\S+)")
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(
    r"(?:[A-Z]\.){2,}|['’]s\b|n['’]t\b|[$#@]?\w+(?:(?:[.,&:/\-]|['’](?!s\b))\w+)*|\S"
)


def spacy_reader(pipeline: str) -> Reader:
    """Return a reader that asks a spaCy pipeline, named or in a folder.

    Raises:
        ModuleNotFoundError: If spaCy is not installed.
        OSError: If there is no such pipeline.
    """
    import spacy  # an extra of its own, which nothing else needs

    language = spacy.load(
        pipeline, exclude=["tagger", "parser", "senter", "attribute_ruler", "lemmatizer"]
    )

    def read(texts: Sequence[str]) -> Iterator[list[Name]]:
        for document in language.pipe(texts):
            yield [
                Name(entity.start_char, entity.end_char, _TYPES[entity.label_])
                for entity in document.ents
                if entity.label_ in _TYPES
            ]

    return read


def read_texts(path: Path, category: str | None) -> list[str]:
    """The distinct texts of JSON lines (plain or .gz), without links.

    Args:
        path: A file whose rows have a ``text``.
        category: Where given, rows with another ``category`` are left out.

    Raises:
        ValueError: If a line is not JSON or has no text; names file and line.
    """
    texts: dict[str, None] = {}
    for number, line in enumerate(read_lines(path), 1):
        try:
            row = json.loads(line)
            if category in (None, row.get("category", category)):
                bare = _LINK.sub("", html.unescape(row["text"]))
                texts[_SPACE.sub(" ", bare).strip()] = None
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            msg = f"{path}:{number}: not a JSON line with a text: {error!r}"
            raise ValueError(msg) from error
    texts.pop("", None)
    return list(texts)


def silver_rows(
    texts: Sequence[str],
    read: Reader,
    casing: Casing,
    gazetteer: Gazetteer,
    *,
    limit: int,
    seed: int = 17,
) -> Iterator[dict[str, Any]]:
    """Label texts in random order until enough are kept.

    A third of those that are not in Title Case is written so: names that are sure are learnt in
    the form where the pipeline itself fails.

    Args:
        texts: Without repetitions.
        read: Finds names.
        casing: Of these and other texts.
        gazetteer: Tells companies; where it names one, it is right.
        limit: Most rows that are kept.
        seed: Of the order.

    Yields:
        Rows of tokens and IOB2 tags, as the data sets for names have them.
    """
    order = list(texts)
    random.Random(seed).shuffle(order)  # noqa: S311 - a sample, not a secret
    kept = 0
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        readings = zip(*(read(list(map(write, batch))) for write in _ways(casing)), strict=True)
        for text, found in zip(batch, readings, strict=True):
            try:
                names = settled(text, found, casing, gazetteer)
            except Doubt:
                continue
            yield _row(text, names)
            kept += 1
            if kept == limit:
                return


def _ways(casing: Casing) -> tuple[Callable[[str], str], ...]:
    """How a text is written for each reading; only the last moves its characters."""
    return (
        lambda text: text,
        lambda text: text + "." if text[-1].isalnum() else text,
        casing.lowered,
        lambda text: PREFIX + casing.lowered(text),
    )


def _row(text: str, names: Sequence[Name]) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).digest()
    written = titled(text) if digest[0] % 3 == 0 and not is_titled(text) else text
    tokens, tags = tagged(written, names)
    return {"tokens": tokens, "tags": tags, "language": "en"}


def tagged(text: str, names: Sequence[Name]) -> tuple[list[str], list[str]]:
    """Cut a text into words and say of each which name it begins or goes on with (IOB2)."""
    cuts = sorted({0, len(text), *(p for name in names for p in (name.start, name.end))})
    kinds = {name.start: name.type for name in names}
    tokens: list[str] = []
    tags: list[str] = []
    for start, end in pairwise(cuts):
        words = _TOKEN.findall(text[start:end])
        kind = kinds.get(start)
        tokens += words
        tags += ["B-" + kind, *["I-" + kind] * (len(words) - 1)] if kind else ["O"] * len(words)
    return tokens, tags


def consistent(rows: Sequence[dict[str, Any]], casing: Casing) -> list[dict[str, Any]]:
    """Leave out rows that read a name otherwise than most rows do, or as none.

    Args:
        rows: All that were labelled.
        casing: Tells names from common words in Title Case.
    """
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for word, kind in _read_back(row):
            kinds[word][kind] += 1
    usual = {
        word: counts.most_common(1)[0][0]
        for word, counts in kinds.items()
        if counts.total() - counts["O"] >= _OFTEN and not casing.is_common(word)
    }
    return [
        row for row in rows if all(usual.get(word, kind) == kind for word, kind in _read_back(row))
    ]


def _read_back(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of a row and its other words, each with its type or O."""
    words: list[str] = []
    kind = "O"
    for token, tag in [*zip(row["tokens"], row["tags"], strict=True), ("", "O")]:
        if words and not tag.startswith("I-"):
            yield " ".join(words), kind
            words = []
        kind = tag[2:] or "O"
        words.append(token)
