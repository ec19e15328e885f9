"""How the entity types of public data sets map to ours.

Training and evaluation read the same tables; docs/evaluation.md shows them.
"""

from collections.abc import Iterable

from models.labels import EntityType

Types = frozenset[EntityType]
"""What a data set's type may stand for. Several: it is coarse, the data set does not say which."""

Family = dict[str, Types | None]
"""The types of one way of marking names; None for a type that is none of ours."""

_PERSON = frozenset({EntityType.PERSON})
_COMPANY = frozenset({EntityType.COMPANY})
_ORGANIZATION = frozenset({EntityType.ORGANIZATION})
_GOVERNMENT = frozenset({EntityType.GOVERNMENT})
_LOCATION = frozenset({EntityType.LOCATION})

COARSE: Family = {
    "PER": _PERSON,
    "ORG": _COMPANY | _ORGANIZATION | _GOVERNMENT,
    "LOC": _LOCATION,
    "MISC": None,
}
"""FiNER-ORD, BTC, WikiGold, Fin SEC: an organisation of any kind is one type."""

WNUT: Family = {
    "person": _PERSON,
    "corporation": _COMPANY,
    "group": _ORGANIZATION,
    "location": _LOCATION,
    "product": None,
    "creative-work": None,
}
"""WNUT 17."""

CLUENER: Family = {
    "name": _PERSON,
    "company": _COMPANY,
    "organization": _ORGANIZATION,
    "government": _GOVERNMENT,
    "address": _LOCATION,
    "scene": None,
    "position": None,
    "game": None,
    "book": None,
    "movie": None,
}
"""CLUENER (Chinese)."""

FINNER: Family = {
    "人物": _PERSON,
    "公司": _COMPANY,
    "其他机构": _ORGANIZATION,
    "政府机构": _GOVERNMENT,
    "国家/地区": _LOCATION,
    "地址": _LOCATION,
    "行业/领域": None,
    "产品": None,
    "政策/文件": None,
    "头衔/职务": None,
    "会议": None,
}
"""FinNER (Chinese)."""

FIRE: Family = {
    "Person": _PERSON,
    "Company": _COMPANY,
    "Location": _LOCATION,
    "GeopoliticalEntity": _LOCATION,
    "BusinessUnit": None,
    "FinancialEntity": None,
    "Designation": None,
    "Product": None,
    "Sector": None,
    "Date": None,
    "Money": None,
    "Quantity": None,
    "Action": None,
}
"""FIRE."""

OURS: Family = {kind.value: frozenset({kind}) for kind in EntityType}
"""The names of our own types."""

FAMILIES = (COARSE, WNUT, CLUENER, FINNER, FIRE, OURS)

NER_TYPES: Family = {name: types for family in FAMILIES for name, types in family.items()}
"""All families in one: where two know the same name it stands for the same."""


def family_of(names: Iterable[str]) -> Family | None:
    """Return the first family that knows all of these names; None where there is none."""
    told = set(names)
    return next((family for family in FAMILIES if told <= family.keys()), None)
