"""Gazetteer and model together: whom a text names, and how each comes off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.entities.gazetteer import Gazetteer
from models.entities.linking import link, spans_of
from models.labels import Analysis, EntityType, Mention, Sentiment
from tests.linking import (
    GAZETTEER,
    LOCATION,
    MODEL,
    PERSON,
    WHOLE,
    ids,
    linked,
    seen,
    tone,
)


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Tencent beats estimates", "Tencent"),
        ("腾讯发布财报", "腾讯"),
        ("騰訊公佈業績", "騰訊"),
        ("0700.HK rallies", "0700.HK"),
        ("$TCEHY slides", "TCEHY"),
        ("TCEHY slides", "TCEHY"),
        ("Tencent Holdings Ltd. beats estimates", "Tencent Holdings Ltd."),
        ("ＴＥＮＣＥＮＴ beats estimates", "ＴＥＮＣＥＮＴ"),
    ],
)
def test_names_symbols_and_languages_of_a_company_are_one_id(
    gazetteer: Gazetteer, text: str, name: str
) -> None:
    assert ids(linked(gazetteer, text, seen(text, name))) == ["0700.HK"]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Target had a bad Christmas", "Target", "TGT"),
        ("The year was hard on Gap", "Gap", "GAP"),
        ("Apple is late again", "Apple", "AAPL"),
        ("平安今年不平静", "平安", "601318.SS"),
        ("COST beats again", "COST", "COST"),
        ("ALL pays for the storm", "ALL", "ALL"),
        ("TARGET IN TROUBLE", "TARGET", "TGT"),
        ("Ford Motor Co. in trouble", "Ford Motor Co.", "F"),
        ("Shell's bad year", "Shell's", "SHEL.L"),
    ],
)
def test_a_common_word_counts_where_the_model_takes_it_for_a_company(
    gazetteer: Gazetteer, text: str, name: str, expected: str
) -> None:
    assert ids(linked(gazetteer, text, seen(text, name))) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "Target practice ends badly",
        "Mind the Gap, they said, and all of them did",
        "An apple a day: Apple pie at a low cost",
        "COST of living: ALL eyes on SPY agencies",
        "祝大家一路平安",
    ],
)
def test_a_common_word_counts_for_nobody_where_neither_speaks_for_it(
    gazetteer: Gazetteer, text: str
) -> None:
    assert linked(gazetteer, text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Apple Hospitality Lodges closes its doors", "Apple Hospitality Lodges"),
        ("Target Zero Campaign raises money", "Target Zero Campaign"),
    ],
)
def test_a_longer_name_is_not_the_company_of_the_common_word_in_it(
    gazetteer: Gazetteer, text: str, name: str
) -> None:
    [found] = linked(gazetteer, text, seen(text, name))

    assert (found.entity.name, found.entity.kind) == (name, "unlisted")


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("Lazard shares the prize with his sister", "Lazard", PERSON),
        ("Oswin Wolfspeed sings at last", "Oswin Wolfspeed", PERSON),
        ("Storms cut power in Entergy County", "Entergy County", LOCATION),
    ],
)
def test_a_name_of_one_word_that_the_model_takes_for_a_person_or_a_place_does_not_count(
    gazetteer: Gazetteer, text: str, name: str, kind: EntityType
) -> None:
    assert len(linked(gazetteer, text)) == 1, "the gazetteer alone is taken in"

    assert linked(gazetteer, text, seen(text, name, kind)) == []
    assert len(linked(gazetteer, text, seen(text, name, kind, probability=0.6))) == 1


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Credit Suisse can't catch a break", "Credit Suisse", "CSGN.SW"),
        ("Shares of $SIVB halted", "SIVB", "SIVB"),
        ("Lazard Ltd (NYSE: LAZ): Lazard lays off staff", "Lazard", "LAZ"),
    ],
)
def test_a_long_name_and_a_symbol_count_whatever_the_model_says(
    gazetteer: Gazetteer, text: str, name: str, expected: str
) -> None:
    assert ids(linked(gazetteer, text, seen(text, name, PERSON))) == [expected]


def test_a_bank_that_nobody_listed_is_found_with_the_tone_towards_it(gazetteer: Gazetteer) -> None:
    text = "Vornholt Savings halts withdrawals; Credit Suisse offers help"

    bank, rescuer = linked(gazetteer, text, seen(text, "Vornholt Savings"))

    assert (bank.entity.id, bank.entity.name) == ("name:vornholt-savings", "Vornholt Savings")
    assert bank.probabilities == MODEL
    assert (rescuer.entity.id, rescuer.probabilities) == ("CSGN.SW", GAZETTEER)


def test_an_unlisted_company_needs_more_of_the_model_than_a_listed_one(
    gazetteer: Gazetteer,
) -> None:
    text = "Vornholt Savings and Target share a fate"
    unsure = [seen(text, name, probability=0.5) for name in ("Vornholt Savings", "Target")]

    assert ids(linked(gazetteer, text, *unsure)) == ["TGT"]


def test_unlisted_companies_can_be_left_out(gazetteer: Gazetteer) -> None:
    text = "Vornholt Savings sponsors a cup, and so does UBS"

    found = linked(gazetteer, text, seen(text, "Vornholt Savings"), with_unlisted=False)

    assert ids(found) == ["UBSG.SW"]


@pytest.mark.parametrize(
    ("text", "long", "short"),
    [
        ("Vornholt Savings fails. Vornholt was old", "Vornholt Savings", "Vornholt"),
        ("Vornholt is no more: Vornholt Savings fails", "Vornholt Savings", "Vornholt"),
        ("奎尔米尔银行停止兑付，奎尔米尔股价大跌", "奎尔米尔银行", "奎尔米尔"),
    ],
)
def test_a_short_name_is_the_long_one_of_the_same_text(
    gazetteer: Gazetteer, text: str, long: str, short: str
) -> None:
    nth = 1 if text.index(long) > text.index(short) else 2

    [found] = linked(gazetteer, text, seen(text, long), seen(text, short, nth=nth))

    assert found.entity.name == long


def test_a_short_name_is_the_listed_company_that_the_text_names_in_full(
    gazetteer: Gazetteer,
) -> None:
    text = "Silvergate Capital winds down. Customers of Signature Bank worry: Signature is next"

    found = linked(gazetteer, text, seen(text, "Signature", nth=2))

    assert ids(found) == ["SI", "SBNY"]


def test_outlets_and_platforms_count_with_evidence_alone(gazetteer: Gazetteer) -> None:
    told = "She told Fox News and wrote on Twitter that it was over"
    about = "Fox News CEO testifies"

    assert linked(gazetteer, told, seen(told, "Fox News"), seen(told, "Twitter")) == []
    assert ids(linked(gazetteer, about, seen(about, "Fox News"))) == ["FOXA"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The S&P 500 fell", "S&P 500"),
        ("They play at the Aviva Stadium", "Aviva Stadium"),
        ("They met at the Disney Cup", "Disney"),
        ("Ask @Vornholt about it", "Vornholt"),
        ("Ask $VORNH about it", "VORNH"),
        ("中国人民银行降息", "中国人民银行"),
    ],
)
def test_phrases_venues_handles_and_unknown_symbols_are_no_companies(
    gazetteer: Gazetteer, text: str, name: str
) -> None:
    assert linked(gazetteer, text, seen(text, name)) == []


@pytest.mark.parametrize(
    "text",
    ["Disney Open to Selling a Stake", "Disney Cup Sizes Shrink", "Disney Field Workers Strike"],
)
def test_a_company_in_a_headline_in_capitals_is_no_venue(gazetteer: Gazetteer, text: str) -> None:
    assert ids(linked(gazetteer, text, seen(text, "Disney"))) == ["DIS"]


def test_the_tone_towards_a_company_is_the_mean_over_the_places_that_name_it(
    gazetteer: Gazetteer,
) -> None:
    text = "UBS buys Credit Suisse. Credit Suisse is relieved"
    candidates = gazetteer.candidates(text)
    sides = (tone(0.2), tone(-0.8), tone(0.4))

    found = link(text, candidates, Analysis(WHOLE, span_sentiments=sides), finder=gazetteer)

    assert spans_of(candidates) == [(0, 3), (9, 22), (24, 37)]
    assert ids(found) == ["UBSG.SW", "CSGN.SW"]
    assert found[1].probabilities == pytest.approx(
        {Sentiment.NEGATIVE: 0.4, Sentiment.NEUTRAL: 0.4, Sentiment.POSITIVE: 0.2}
    )


def test_a_model_that_tells_no_entities_leaves_the_gazetteers_and_the_tone_of_the_text(
    gazetteer: Gazetteer,
) -> None:
    text = "UBS buys Credit Suisse"

    found = link(text, gazetteer.candidates(text), Analysis(WHOLE), finder=gazetteer)

    assert [(one.entity.name, one.probabilities) for one in found] == [
        ("UBS", WHOLE),
        ("Credit Suisse", WHOLE),
    ]


_PARTS = [
    "Target",
    "Vornholt Savings",
    "腾讯",
    "奎尔银行",
    "$TSLA",
    "Lazard",
    ". ",
    "The",
    "公司",
    "\n",
]


@given(
    parts=st.lists(st.sampled_from(_PARTS), min_size=1, max_size=10),
    cuts=st.lists(st.tuples(st.integers(0, 80), st.sampled_from(EntityType), st.floats(0, 1))),
)
def test_whatever_the_model_marks_each_company_comes_once_with_probabilities(
    gazetteer: Gazetteer, parts: list[str], cuts: list[tuple[int, EntityType, float]]
) -> None:
    text = " ".join(parts)
    places = sorted({min(place, len(text)) for place, _, _ in cuts})
    kinds = [(kind, probability) for _, kind, probability in cuts]
    mentions = [
        Mention(start, end, kind, probability, MODEL)
        for start, end, (kind, probability) in zip(places, places[1:], kinds, strict=False)
    ]

    found = linked(gazetteer, text, *mentions)

    assert len(set(ids(found))) == len(found)
    assert all(sum(one.probabilities.values()) == pytest.approx(1) for one in found)
