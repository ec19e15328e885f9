"""Whom a text names that is no company: persons, above all those who are appointed."""

import pytest

from models.entities.gazetteer import Gazetteer
from models.labels import EntityType, Mention
from tests.linking import COMPANY, MODEL, PERSON, ids, linked, seen


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


@pytest.mark.parametrize("kind", [k for k in EntityType if k is not COMPANY])
def test_persons_places_and_authorities_become_no_entities(
    gazetteer: Gazetteer, kind: EntityType
) -> None:
    text = "Vornholt is in the news"

    assert linked(gazetteer, text, seen(text, "Vornholt", kind)) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Quillmere names DeRodes CIO", "DeRodes"),
        ("Quillmere names Harlan CEO as sales drop", "Harlan"),
        ("QM - Quillmere Co: QM Names Cervone Senior Vice President ...", "Cervone"),
        ("Quillmere appoints Debra Harlan as its first female chief executive", "Debra Harlan"),
        ("Quillmere hires Norwick\u2019s Harlan as its new chairman, CEO", "Harlan"),
        ("Quillmere settles, appoints Dorman to board", "Dorman"),
    ],
)
def test_who_is_appointed_to_an_office_is_no_company(
    gazetteer: Gazetteer, text: str, name: str
) -> None:
    assert ids(linked(gazetteer, text, seen(text, name))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Norwick names Quillmere executive CEO",
        "Norwick appoints Quillmere CTO as new India COO",
        "Norwick names Quillmere chief executive as CEO",
        "Norwick names Quillmere CEO Seifi Harlan",
        "Seifi Harlan appointed Quillmere president",
        "Norwick hires Quillmere chief executive",
        "Norwick hires Quillmere as adviser",
        "Quillmere named CEO of the year's favourite",
        "Quillmere names Harlan CEO",
    ],
)
def test_a_company_near_an_appointment_stays_one(gazetteer: Gazetteer, text: str) -> None:
    assert ids(linked(gazetteer, text, seen(text, "Quillmere"))) == ["name:quillmere"]


@pytest.mark.parametrize("full", ["Debra Quillmere", "Quillmere"])
def test_a_name_that_is_a_persons_elsewhere_in_the_text_is_no_company_unless_that_is_sure(
    gazetteer: Gazetteer, full: str
) -> None:
    text = f"After Quillmere leaves, what next? {full} said"
    start = text.index(full, 10)
    person = Mention(start, start + len(full), PERSON, 0.7, MODEL)

    doubted, sure = (seen(text, "Quillmere", probability=p) for p in (0.7, 0.8))

    assert ids(linked(gazetteer, text, doubted, person)) == []
    assert ids(linked(gazetteer, text, sure, person)) == ["name:quillmere"]
