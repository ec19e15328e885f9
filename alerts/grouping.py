"""Tell whether an alert says what another one says already: the same accounts of the same news.

One story told about two companies raises the alerts of both; an alert on a topic or on the whole
market holds the accounts of its members. Nobody needs both. A company that is named beside another
one's crisis is something else: who reads of the one must still hear of the other.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Final, TypeVar

LEAST_ALIKE: Final = 0.6
"""Share of the accounts of two alerts, taken together, that both of them tell."""
LEAST_INSIDE: Final = 0.5
"""Share of an alert's accounts that a wider alert must tell."""

_K = TypeVar("_K", bound=Hashable)


def told_by(
    own: Collection[str],
    *,
    peers: Mapping[_K, Collection[str]],
    wider: Mapping[_K, Collection[str]],
) -> _K | None:
    """Return the alert that tells an alert's news.

    Args:
        own: Ids of the accounts that count in the window in which it fired.
        peers: Those of other companies' firing alerts in that window, the most welcome first.
        wider: Those of firing alerts that it is a part of: of its topics, of the market.

    Returns:
        The peer that is most like it if one is alike enough, else the first of the wider ones that
        tell enough of it, else None.
    """
    mine = frozenset(own)
    if not mine:
        return None
    alike = {key: len(mine & set(ids)) / len(mine | set(ids)) for key, ids in peers.items()}
    best = max(alike, key=lambda key: alike[key], default=None)
    if best is not None and alike[best] >= LEAST_ALIKE:
        return best
    inside = (key for key, ids in wider.items() if len(mine & set(ids)) >= LEAST_INSIDE * len(mine))
    return next(inside, None)
