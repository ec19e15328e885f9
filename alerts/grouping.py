"""Tell whether an alert says what another one says already: the same accounts of the same news.

One story told about two companies raises the alerts of both; an alert on a topic or on the whole
market holds the accounts of its members. Nobody needs both.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Final, TypeVar

LEAST_SHARED: Final = 0.5
"""Share of an alert's negative accounts that another one must tell too."""

_K = TypeVar("_K", bound=Hashable)


def told_by(own: Collection[str], others: Mapping[_K, Collection[str]]) -> _K | None:
    """Return the alert that tells at least half of another alert's accounts.

    Args:
        own: Ids of the negative accounts that made it fire.
        others: Those of each alert that is firing, the most welcome first.

    Returns:
        The one that tells most of them, of equals the first; None if none tells enough.
    """
    mine = frozenset(own)
    shared = {key: len(mine.intersection(ids)) for key, ids in others.items()}
    best = max(shared, key=lambda key: shared[key], default=None)
    if best is None or not mine or shared[best] < LEAST_SHARED * len(mine):
        return None
    return best
