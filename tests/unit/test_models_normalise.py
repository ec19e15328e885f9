"""Characters made plain, one for one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.normalise import normalise
from models.training.hanzi import TABLE, build_table


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("滙豐與騰訊：營收下滑", "汇丰与腾讯：营收下滑"),
        ("香港衞生署", "香港卫生署"),
        ("ＡＡＰＬ　涨３．５％", "AAPL 涨3.5%"),
        ("Apple’s “record” quarter", 'Apple\'s "record" quarter'),
        ("shares −5% – sell", "shares -5% - sell"),
        ("a\u200bb\u202ec\u00add\x00e\nf\ufeff", "a b c d e f "),
        ("Bank falls http://t.co/x1 more", "Bank falls                more"),
        ("股价暴跌https://t.cn/x，快看", "股价暴跌              ，快看"),
        ("BANK HALTS ALL $SIVB WITHDRAWALS!", "Bank Halts All $SIVB Withdrawals!"),
    ],
)
def test_another_spelling_is_written_plainly(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "Nestlé SA: +3%, $NSRGY 🚀",
        "贵州茅台（600519）涨了，真好！",
        "plain ASCII `as is`",
        "GDP UP: the US economy grows",
    ],
)
def test_what_tells_something_stays(text: str) -> None:
    assert normalise(text) == text


@settings(deadline=None)  # the first call reads the table
@given(st.text())
def test_places_stay_and_a_second_time_changes_nothing(text: str) -> None:
    plain = normalise(text)

    assert len(plain) == len(text)
    assert normalise(plain) == plain


def test_the_table_is_the_one_that_its_command_writes() -> None:
    assert TABLE.read_text(encoding="utf-8") == build_table()
