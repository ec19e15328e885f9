"""Looks a company up by what people call it, for queries and subscriptions.

How companies are found in running text lives in ``models.entities.gazetteer``.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from models.entities.table import NO_ENTITY, read_own, read_rows

# The signs in front of an alias say what it takes to match it in a text; here it stands alone.
_SIGNS = "~%?!^$"


def find_companies(name: str, own: Sequence[Path] = ()) -> list[tuple[str, str]]:
    """Find the companies that go by ``name``, in any case; raises as ``read_own`` does.

    The user's own decide before shipped ones, an id before a name, and a name before an alias, so
    that several are only returned where the best of these is shared.

    Args:
        name: An id, a name, an alias or a symbol.
        own: CSV files of the user's own companies; their names win.

    Returns:
        Ids and names.
    """
    return find_each([name], own)[name]


@cache
def sectors() -> dict[str, str]:
    """Return the sector of each shipped company that has one, by its id."""
    return {row.id: row.sector for row in read_rows() if row.sector}


def find_each(names: Sequence[str], own: Sequence[Path] = ()) -> dict[str, list[tuple[str, str]]]:
    """Find the companies that go by each of several names; see ``find_companies``."""
    if not names:
        return {}
    wanted = {name: name.strip().lower() for name in names}
    mine = [row for path in own for row in read_own(path)]
    shipped = ((row.id, row.name, row.aliases) for row in read_rows() if row.id != NO_ENTITY)
    words = frozenset(wanted.values())
    first, second = _best(words, mine), _best(words, shipped)
    labels = {key: label for key, label, _ in mine}
    return {
        name: [
            (key, labels.get(key, label)) for key, label in first.get(word) or second.get(word, [])
        ]
        for name, word in wanted.items()
    }


def _best(
    wanted: frozenset[str], companies: Iterable[tuple[str, str, Sequence[str]]]
) -> dict[str, list[tuple[str, str]]]:
    """Return for each word those that go by that id; if there are none by that name; else alias."""
    by_rank: list[dict[str, list[tuple[str, str]]]] = [{}, {}, {}]
    for key, label, aliases in companies:
        told: set[str] = set()
        spellings = ((key,), (label,), [alias.lstrip(_SIGNS) for alias in aliases])
        for found, words in zip(by_rank, spellings, strict=True):
            for word in {word.lower() for word in words} & wanted - told:
                found.setdefault(word, []).append((key, label))
                told.add(word)
    return {
        word: next((sorted(found[word]) for found in by_rank if word in found), [])
        for word in wanted
    }
