"""Looks a company up by what people call it, for queries and subscriptions.

How companies are found in running text lives in ``models.entities.gazetteer``.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from models.entities.table import NO_ENTITY, read_own, read_rows

# The signs in front of an alias say what it takes to match it in a text; here it stands alone.
_SIGNS = "~?!$"


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
    wanted = name.strip().lower()
    mine = [row for path in own for row in read_own(path)]
    shipped = ((row.id, row.name, row.aliases) for row in read_rows() if row.id != NO_ENTITY)
    found = _best(wanted, mine) or _best(wanted, shipped)
    names = {key: label for key, label, _ in mine}
    return [(key, names.get(key, label)) for key, label in found]


def _best(
    wanted: str, companies: Iterable[tuple[str, str, Sequence[str]]]
) -> list[tuple[str, str]]:
    """Return those that go by that id; if there are none by that name; else by that alias."""
    by_rank: list[list[tuple[str, str]]] = [[], [], []]
    for key, label, aliases in companies:
        spellings = ((key,), (label,), [alias.lstrip(_SIGNS) for alias in aliases])
        for found, words in zip(by_rank, spellings, strict=True):
            if wanted in (word.lower() for word in words):
                found.append((key, label))
                break
    return next((sorted(found) for found in by_rank if found), [])
