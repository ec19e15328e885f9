"""Companies that no list has: one id however the name is written, and what is no name."""

import pytest

from models.entities.unlisted import unlisted


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        ("Quillmere Bancorp", "name:quillmere-bancorp"),
        ("Quillmere Bancorp, Inc.", "name:quillmere-bancorp"),
        ("QUILLMERE BANCORP", "name:quillmere-bancorp"),
        ("the Quillmere Bancorp's", "name:quillmere-bancorp"),
        ("Quillmere Bancorp Holdings plc", "name:quillmere-bancorp"),
        ("“Quíllmere Bancorp”", "name:quillmere-bancorp"),
        ("Ｑｕｉｌｌｍｅｒｅ　Ｂａｎｃｏｒｐ", "name:quillmere-bancorp"),
        ("Zorb & Sons Ltd", "name:zorb-&-sons"),
        ("奎尔米尔银行股份有限公司", "name:奎尔米尔银行"),
        ("奎爾米爾銀行", "name:奎尔米尔银行"),
        ("奎尔米尔银行集团", "name:奎尔米尔银行"),
        ("TCX科技有限公司", "name:tcx科技"),
        ("eZorb", "name:ezorb"),
    ],
)
def test_an_unlisted_company_has_one_id_however_it_is_written(surface: str, expected: str) -> None:
    entity = unlisted(surface)

    assert entity is not None
    assert (entity.id, entity.kind) == (expected, "unlisted")


@pytest.mark.parametrize(
    "surface",
    [
        "https://quillmere.example/a", "www.quillmere.com", "@quillmere", "a/b", "ir@quillmere.com",
        "quillmere", "the company", "The Bank", "Inc.", "123", "Q", "...", "", "\u200b",
        "ETF", "CEO", "FDIC", "GDP", "Wall Street", "Big Tech", "Federal Reserve",
        "Reuters", "The Wall Street Journal", "Fox News", "Moody's", "x" * 61 + "X",
        "公司", "该公司", "上市公司", "银行", "央行", "新华社", "《财新》", "行",
    ],
)  # fmt: skip
def test_addresses_common_nouns_acronyms_and_outlets_are_no_companies(surface: str) -> None:
    assert unlisted(surface) is None


@pytest.mark.parametrize(
    ("surface", "source"),
    [
        ("Gazette Wire", "gazette wire"),
        ("Gazette Wire", "https://www.gazettewire.example/rss.xml"),
        ("The Gazette", "https://gazette.example/feed"),
        ("Gazette", "the gazette"),
        ("奎尔日报", "奎尔日报"),
    ],
)
def test_an_items_own_source_is_not_what_it_is_about(surface: str, source: str) -> None:
    assert unlisted(surface) is not None
    assert unlisted(surface, source=source) is None
