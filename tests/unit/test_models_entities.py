"""The gazetteer: what counts as a company in a text, and what does not."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.entities.gazetteer import Entity, Gazetteer
from models.entities.table import CompaniesError, read_own


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


def ids(gazetteer: Gazetteer, text: str) -> list[str]:
    return [entity.id for entity in gazetteer.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Regulators close Silicon Valley Bank", "SIVB"),
        ("SVB Financial sells bonds at a loss", "SIVB"),
        ("SVB was a bank, and then it was not", "SIVB"),
        ("$SIVB is falling", "SIVB"),
        ("硅谷银行破产波及中国创业者", "SIVB"),
        ("Tencent beats estimates", "0700.HK"),
        ("腾讯回应微信下场做外卖", "0700.HK"),
        ("$TCEHY up 3%", "0700.HK"),
        ("00700.HK closed higher", "0700.HK"),
        ("阿里巴巴授出1224万份期权", "BABA"),
        ("Alibaba splits into six", "BABA"),
        ("$BABA", "BABA"),
        ("(9988.HK) rallies", "BABA"),
        ("Credit Suisse can't catch a break", "CSGN.SW"),
        ("瑞银提出收购瑞信", "CSGN.SW"),
        ("First Republic shares halted", "FRC"),
        ("New York closes Signature Bank", "SBNY"),
        ("Silvergate winds down", "SI"),
        ("L’Oréal buys Aesop", "OR.PA"),
        ("贵州茅台发布年报", "600519.SS"),
    ],
)
def test_every_name_symbol_and_language_of_a_company_gives_the_same_id(
    gazetteer: Gazetteer, text: str, expected: str
) -> None:
    assert expected in ids(gazetteer, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Target shares fall after weak forecast", "TGT"),
        ("Retailer Target cuts its outlook", "TGT"),
        ("Target (TGT) reports on Tuesday", "TGT"),
        ("Target Corp. names a new chief", "TGT"),
        ("Ford recalls 100,000 trucks", "F"),
        ("Shell CEO faces a dilemma", "SHEL.L"),
        ("苹果股价2023年已上涨19%", "AAPL"),
        ("Fox News CEO testifies", "FOXA"),
    ],
)
def test_a_name_that_is_a_common_word_counts_with_business_around_it(
    gazetteer: Gazetteer, text: str, expected: str
) -> None:
    assert ids(gazetteer, text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "Target practice ends badly",
        "The gap between rich and poor grows",
        "Harrison Ford returns as Indiana Jones",
        "A shell hit the power plant in Kherson",
        "She told Fox News that she would run again",
        "He was reported by CNN, the BBC and Reuters to be ill",
        "Fires rage in the Amazon rainforest",
        "The S&P 500 and the Nasdaq Composite fell",
        "The new PM met the CEO of a local startup",
        "Jets sign Allen Lazard; Lazard talks of shares in glory at his new firm",
        "HOW TO MATCH A SNAP OF UNITY ON A BLOCK",
        "George Santos is no company",
        "Man hit by a white BMW outside a pub",
        "England play Ireland at the Aviva Stadium",
        "We went to see the northern lights",
        "祝大家一路平安",
        "山东航空增加航班",
        "他从树上摘了一个红苹果",
        "",
        "TSLA F C",
        "(SH000001)",
        "上证指数（000001）跌破3000点",
        "上证50（000016）、中证500（000905）和科创50（000688）",
        "上证综指代码000001",
    ],
)
def test_common_words_persons_places_and_media_are_no_companies(
    gazetteer: Gazetteer, text: str
) -> None:
    assert ids(gazetteer, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$TSLA", "TSLA"),
        ("Zillow Inc. (NASDAQ:Z) buys Trulia; (NYSE: BAC) falls", "BAC"),
        ("$平安银行(SZ000001)$", "000001.SZ"),
        ("600519.SH 涨停", "600519.SS"),
        ("代码：600519", "600519.SS"),
        ("云天化（600096）被归纳到碳交易板块", "600096.SS"),
        ("中证报讯，平安银行（000001）", "000001.SZ"),
        ("Microsoft <MSFT.O> and others", "MSFT"),
        ("HKEX: 700", "0700.HK"),
    ],
)
def test_a_symbol_counts_in_a_form_that_marks_it_as_one(
    gazetteer: Gazetteer, text: str, expected: str
) -> None:
    assert expected in ids(gazetteer, text)


def test_companies_come_once_in_the_order_of_first_mention(gazetteer: Gazetteer) -> None:
    text = "UBS agrees to buy Credit Suisse. Credit Suisse shares fall, UBS rises, says HSBC"

    assert [entity.name for entity in gazetteer.find(text)] == ["UBS", "Credit Suisse", "HSBC"]


def test_the_longest_name_wins(gazetteer: Gazetteer) -> None:
    assert ids(gazetteer, "Alibaba Health Information Technology shares rise") == ["0241.HK"]


def write_companies(folder: Path, text: str) -> Path:
    path = folder / "companies.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_own_companies_always_match_and_override_the_shipped_ones(tmp_path: Path) -> None:
    path = write_companies(
        tmp_path,
        "id,name,aliases\nNBK,Norwick Bank,Norwick|诺维克|$NBK\n"
        "TGT,Target Stores,Bullseye\nMINE,Visa Bureau,Visa\n",
    )

    gazetteer = Gazetteer.load([path])

    assert gazetteer.find("run on norwick bank") == [Entity("NBK", "Norwick Bank")]
    assert ids(gazetteer, "Norwick falls") == ["NBK"]
    assert ids(gazetteer, "诺维克挤兑") == ["NBK"]
    assert ids(gazetteer, "$NBK -20%") == ["NBK"]
    assert ids(gazetteer, "George Norwick at the Norwick Arena") == ["NBK"]
    assert gazetteer.find("Bullseye opens") == [Entity("TGT", "Target Stores")]
    assert ids(gazetteer, "Visa shares rise") == ["MINE"]
    assert ids(gazetteer, "Silicon Valley Bank fails") == ["SIVB"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,name\nX,Xy\n", "needs the columns"),
        ("id,name,aliases\n,Nameless,\n", "line 2"),
        ("id,name,aliases\nX,茅,\n", "no word"),
        (f'id,name,aliases\nX,Xy,"{"x" * 140_000}"\n', "field larger than"),
    ],
)
def test_a_bad_file_of_own_companies_is_refused_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = write_companies(tmp_path, text)

    with pytest.raises(CompaniesError, match=reason) as error:
        Gazetteer.load([path])

    assert str(path) in str(error.value)


def test_a_file_of_own_companies_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "companies.csv"
    with pytest.raises(CompaniesError, match=str(path)):
        list(read_own(path))
    path.write_bytes("id,name,aliases\nX,Zürich,\n".encode("latin-1"))

    with pytest.raises(CompaniesError, match=str(path)):
        list(read_own(path))


@given(text=st.text(max_size=200))
def test_any_text_gives_mentions_inside_it_in_order_and_apart(
    gazetteer: Gazetteer, text: str
) -> None:
    mentions = gazetteer.mentions(text)

    ends = [0] + [mention.end for mention in mentions]
    assert all(end <= mention.start for end, mention in zip(ends, mentions, strict=False))
    assert all(mention.start < mention.end <= len(text) for mention in mentions)


_WORDS = ["Target", "Apple", "(NYSE: F)", "$TSLA", "平安", "中国平安", "shares", "CEO", ". ", "SVB"]


@given(words=st.lists(st.sampled_from(_WORDS), max_size=12))
@example(words=["(NYSE: F)", "平安", "CEO", "SVB"])  # mostly capitals, and not ASCII
def test_find_is_the_distinct_companies_of_the_mentions(
    gazetteer: Gazetteer, words: list[str]
) -> None:
    text = " ".join(words)

    found = gazetteer.find(text)

    assert found == list(dict.fromkeys(m.entity for m in gazetteer.mentions(text)))
    assert ("SVB" in words) == ("SIVB" in {entity.id for entity in found})
