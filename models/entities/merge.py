"""Brings the lines of all lists together: one company, one id, whatever its listings.

Two lines are one company if they share the symbol, the SEC's number, the security number (ISIN)
with names that begin alike, or, within one country, the name (English or Chinese).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from models.entities.exchanges import MAIN_SUFFIXES, REGIONAL_SUFFIXES, suffix
from models.entities.names import base_name, fold, has_han, name_key, readable
from models.entities.sources import LARGE, Listing

# One key, many companies: too little is left of these names to merge on.
_MIN_KEY = 2


@dataclass(slots=True)
class Company:
    """All lines of one company."""

    listings: list[Listing] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Its greatest size over all lines."""
        return max(listing.size for listing in self.listings)

    @property
    def country(self) -> str:
        """What most trusted line says of its country."""
        return next((x.country for x in self._trusted() if x.country), "")

    @property
    def sector(self) -> str:
        """What the most trusted line says of its sector."""
        return next((x.sector for x in self._trusted() if x.sector), "")

    @property
    def name(self) -> str:
        """The everyday name: English where there is one."""
        english = next((x.name for x in self._trusted() if x.name and not has_han(x.name)), "")
        if english:
            return readable(base_name(english))
        return next((name for x in self.listings for name in x.chinese), self.id)

    @property
    def id(self) -> str:
        """Symbol of the main listing."""
        country = self.country
        order = MAIN_SUFFIXES.get(country)

        def rank(listing: Listing) -> tuple[int, int]:
            end = suffix(listing.symbol)
            if order:
                place = order.index(end) if end in order else len(order)
            elif country in {"", "United States"}:
                place = 0 if not end else 1
            else:
                place = 0 if listing.home and listing.country == country and end else 1
            place += 2 * (end in REGIONAL_SUFFIXES)
            return (place, -listing.trust if not listing.company else -LARGE)

        main = min([x for x in self.listings if x.home] or self.listings, key=rank).symbol
        # Mexico lists American shares under the symbol that they have at home.
        mexican = next((x.symbol for x in self.listings if x.symbol.endswith(".MX")), "")
        if country == "United States" and suffix(main) and mexican:
            return mexican.removesuffix(".MX")
        return main

    @property
    def known(self) -> bool:
        """Whether it trades at home, or is large wherever its lines are."""
        return any(x.home for x in self.listings) or self.size == LARGE

    def _trusted(self) -> list[Listing]:
        return sorted(self.listings, key=lambda x: -x.trust)


class _Groups:
    """Union-find over the lines' positions."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, members: Iterable[int]) -> None:
        first, *rest = (self.find(member) for member in members)
        for other in rest:
            self._parent[max(first, self.find(other))] = min(first, self.find(other))
            first = self.find(first)


def _start(name: str) -> str:
    return "".join(letter for letter in fold(name).lower() if letter.isalnum())[:3]


def _join_by(groups: _Groups, keys: Iterable[tuple[int, Hashable]]) -> None:
    same: dict[Hashable, list[int]] = defaultdict(list)
    for position, key in keys:
        same[key].append(position)
    for members in same.values():
        if len(members) > 1:
            groups.join(members)


def _by_country(groups: _Groups, listings: list[Listing]) -> None:
    """Join equal names within a country; a line without country joins where only one fits."""
    for names in (_english_keys(listings), _chinese_keys(listings)):
        countries: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for position, key in names:
            root = groups.find(position)
            country = listings[position].country or listings[root].country
            countries[key][_region(country)].append(position)
        for places in countries.values():
            unknown = places.pop("", [])
            for members in places.values():
                groups.join(members)
            if unknown and len(places) == 1:
                groups.join([*unknown, *(p for members in places.values() for p in members)])
            elif unknown:
                groups.join([*unknown, *_most_likely(places, listings)])


def _most_likely(places: dict[str, list[int]], listings: list[Listing]) -> list[int]:
    """The company that an American line without country means: an American, or the largest."""
    if "United States" in places or not places:
        return places.get("United States", [])
    sizes = {country: max(listings[p].size for p in places[country]) for country in places}
    largest, *others = sorted(sizes, key=lambda country: -sizes[country])
    return places[largest] if sizes[largest] > sizes[others[0]] else []


def _region(country: str) -> str:
    return "China" if country in {"Hong Kong", "Macau"} else country


def _english_keys(listings: list[Listing]) -> Iterable[tuple[int, str]]:
    for position, listing in enumerate(listings):
        key = name_key(listing.name) if listing.name else ""
        if len(key) >= _MIN_KEY:
            yield position, key


def _chinese_keys(listings: list[Listing]) -> Iterable[tuple[int, str]]:
    """Names of Hong Kong and the mainland; not those that two mainland companies share.

    That happens when the lists are of different years and a name went to another company.
    """
    named = [
        (position, listing.chinese[0])
        for position, listing in enumerate(listings)
        if listing.chinese and len(listing.chinese[0]) > 3 and listing.country != "Taiwan"
    ]
    mainland: dict[str, set[str]] = defaultdict(set)
    for position, name in named:
        symbol = listings[position].symbol
        # Codes of 200xxx and 900xxx are B shares of a company that has an A share too.
        if not (symbol.endswith(".HK") or symbol.startswith(("200", "900"))):
            mainland[name].add(symbol)
    return ((position, name) for position, name in named if len(mainland[name]) < 2)


def merge(listings: list[Listing]) -> list[Company]:
    """Companies of these lines, in the order of their first line."""
    groups = _Groups(len(listings))
    numbered = list(enumerate(listings))
    _join_by(groups, ((i, x.symbol) for i, x in numbered))
    _join_by(groups, ((i, x.company) for i, x in numbered if x.company))
    _join_by(groups, ((i, (x.isin, _start(x.name))) for i, x in numbered if x.isin))
    _by_country(groups, listings)
    companies: dict[int, Company] = defaultdict(Company)
    for position, listing in numbered:
        companies[groups.find(position)].listings.append(listing)
    return list(companies.values())
