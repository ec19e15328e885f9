"""Building the table of companies from the public lists."""

import pytest

from models.entities.chinese import is_cut
from models.entities.exchanges import yahoo
from models.entities.merge import merge
from models.entities.names import base_name, chinese_names, fold, name_key, short_names
from models.entities.sources import LARGE, Listing
from models.entities.table import NO_ENTITY, read_rows


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Apple Inc.", "Apple"),
        ("TENCENT HOLDINGS ADR 1:1", "TENCENT HOLDINGS"),
        ("Alphabet Inc. (Class A)", "Alphabet"),
        ("BANK OF AMERICA CORP /DE/", "BANK OF AMERICA"),
        ("The Kroger Co.", "Kroger"),
        ("Deutsche Bank Aktiengesellschaft", "Deutsche Bank"),
        ("Public Joint Stock Company Gazprom", "Gazprom"),
        ("Limited", "Limited"),
    ],
)
def test_a_base_name_has_no_legal_form_share_class_or_state(raw: str, name: str) -> None:
    assert base_name(raw) == name


def test_short_names_are_what_newspapers_write() -> None:
    assert short_names("Dell Technologies Inc.", well_known=True) == ["Dell Technologies", "Dell"]
    assert short_names("Johnson & Johnson", well_known=False) == [
        "Johnson & Johnson",
        "Johnson and Johnson",
    ]


def test_names_of_different_lists_have_the_same_key() -> None:
    assert name_key("NESTLE SA/ADR") == name_key("Nestlé S.A.")


def test_chinese_names_lose_share_classes_and_legal_words() -> None:
    assert chinese_names("小米集团-W") == ["小米集团", "小米"]
    assert chinese_names("万  科Ａ") == ["万科"]
    assert chinese_names("*ST国华") == ["国华"]
    assert chinese_names("Apple") == []


def test_folding_keeps_the_length() -> None:
    text = "L’Oréal — ＡＢ「İstanbul」"

    assert len(fold(text)) == len(text)
    assert fold(text).startswith("L'Oreal - AB")


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("600519.SH", "600519.SS"), ("00700.HK", "0700.HK"), ("AAPL", "AAPL"), ("bmw.de", "BMW.DE")],
)
def test_symbols_are_written_as_yahoo_does(symbol: str, expected: str) -> None:
    assert yahoo(symbol) == expected


def test_listings_of_one_company_become_one_with_the_home_listing_as_id() -> None:
    listings = [
        Listing("UBS", "UBS Group AG", company="cik1", home=True, size=LARGE, trust=1),
        Listing("UBSG.SW", "UBS Group AG", country="Switzerland", size=3, home=True, trust=3),
        Listing("UBSN.MX", "UBS Group", country="Switzerland", isin="CH1", trust=2),
        Listing("UBX.L", "UBS Ltd", country="United Kingdom", home=True, trust=3),
    ]

    companies = merge(listings)

    assert sorted(company.id for company in companies) == ["UBSG.SW", "UBX.L"]


def test_an_isin_that_two_different_names_share_merges_nothing() -> None:
    listings = [
        Listing("A.T", "Progressive Impact", country="Malaysia", isin="JP1"),
        Listing("B.T", "Nihon Denki", country="Japan", isin="JP1"),
    ]

    assert len(merge(listings)) == 2


def test_a_short_chinese_name_across_two_words_is_no_name() -> None:
    words = frozenset({"山东", "航空", "苹果树"})

    assert is_cut("山东航空", 1, 3, words)
    assert is_cut("一棵苹果树", 2, 4, words)
    assert not is_cut("东航回应", 0, 2, words)


def test_in_the_shipped_table_an_id_is_one_row_and_a_name_one_company() -> None:
    rows = list(read_rows())
    names = {
        (fold(alias.lstrip("~%?!^")).lower(), row.id)
        for row in rows
        for alias in row.aliases
        if row.id != NO_ENTITY and not alias.startswith("$")
    }

    assert len({row.id for row in rows}) == len(rows)
    assert len({name for name, _ in names}) == len(names)
    assert all(row.name and row.aliases for row in rows)
