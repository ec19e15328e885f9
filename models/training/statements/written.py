"""Reads the headlines and statements that we wrote out one by one.

``written/LANGUAGE_SUBJECT.txt`` holds one headline a line, of business or of something else. In
the files ``sentiment`` (company prose, posts) and ``events`` (headlines about a company) each has
its sentiment and a tab before it.
"""

from collections.abc import Collection, Iterator
from importlib import resources
from typing import get_args

from models.labels import Sentiment
from models.training.config import Language
from models.training.examples import Example

_FOLDER = resources.files("models.training.statements").joinpath("written")
_BUSINESS = "business"
_LABELLED = frozenset({"sentiment", "events"})


def read_written(languages: Collection[Language] = get_args(Language)) -> Iterator[Example]:
    """Yield the headlines and statements, in the order of the files' names.

    Args:
        languages: Those that are wanted.

    Yields:
        An example a line; what has a sentiment also concerns finance.

    Raises:
        ValueError: If a statement does not begin with a sentiment and a tab.
    """
    for file in sorted(_FOLDER.iterdir(), key=lambda each: each.name):
        language, _, subject = file.name.removesuffix(".txt").partition("_")
        if language not in languages:
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            if subject in _LABELLED:
                label, _, text = line.partition("\t")
                yield Example(text, sentiment=frozenset({Sentiment(label)}), relevant=True)
            else:
                yield Example(line, relevant=subject == _BUSINESS)
