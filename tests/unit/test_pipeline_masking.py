"""Personal data is masked, and figures are not."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.masking import Personal, mask
from pipeline.messages import BadItem, Limits, item_from
from pipeline.raw_masking import mask_raw
from pipeline.settings import Settings
from pipeline.sources.base import Unreadable
from pipeline.sources.replay import Lines
from pipeline.stages.parse import Message, parse
from tests.compose import ROOT

ALL = frozenset(Personal)
NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to jane.doe+ir@acme-corp.co.uk today.", "Write to [email] today."),
        ("投诉请发至zhang.wei@yinhang.com.cn。", "投诉请发至[email]。"),
        ("Call (212) 555-2368 or 212-555-2368.", "Call [phone] or [phone]."),
        ("Call +44 20 7031 3000, +86 138 0013 8000.", "Call [phone], [phone]."),
        ("手机13800138000，座机010-62345678。", "手机[phone]，座机[phone]。"),
        ("电话：0755-83012345（王女士）", "电话：[phone]（王女士）"),
        ("身份证号11010519491231002X的储户", "身份证号[identity]的储户"),
        ("身份证号11012911490531002X的储户", "身份证号[identity]的储户"),
        ("SSN 536-90-4399 was leaked", "SSN [identity] was leaked"),
        ("to GB29 NWBK 6016 1331 9268 19 AND then", "to [account] AND then"),
        ("DE89370400440532013000.", "[account]."),
        ("card 4111 1111 1111 1111, 378282246310005", "card [account], [account]"),
        ("卡号6222021234567890128被盗", "卡号[account]被盗"),
        ("account number 12345678 at the bank", "account number [account] at the bank"),
        ("银行账号：1234 5678 9012", "银行账号：[account]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text, ALL) == masked
    assert mask(masked, ALL) == masked
    assert mask(text, ()) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "手机１３８００１３８０００，座机０１０－６２３４５６７８。",
            "手机[phone]，座机[phone]。",
        ),
        ("电话：＋８６　１３８　００１３　８０００", "电话：[phone]"),
        ("电话（０１０）６２３４５６７８转２", "电话[phone]转２"),
        ("混写138００１３8000", "混写[phone]"),
        ("身份证号１１０１０５１９４９１２３１００２Ｘ的储户", "身份证号[identity]的储户"),
        ("SSN ５３６－９０－４３９９ was leaked", "SSN [identity] was leaked"),
        ("投诉请发至ｚｈａｎｇ．ｗｅｉ＠ｙｉｎｈａｎｇ．ｃｏｍ。", "投诉请发至[email]。"),
        ("卡号６２２２０２１２３４５６７８９０１２８被盗", "卡号[account]被盗"),
        ("银行账号：１２３４　５６７８　９０１２", "银行账号：[account]"),
        ("ＤＥ８９３７０４００４４０５３２０１３０００。", "[account]。"),
        ("４１１１ １１１１ １１１１ １１１１，５张", "[account]，５张"),
        ("card 4111\u00a01111\u00a01111\u00a01111", "card [account]"),
        ("𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎 或 ａ@b.com：Ａ股ＡＢＣ", "[phone] 或 [email]：Ａ股ＡＢＣ"),
        ("手机13800138000²", "手机[phone]²"),
        ("card 4111111111111111，5 of them", "card [account]，5 of them"),
    ],
)
def test_personal_data_is_masked_in_any_width_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask(text, ALL) == masked
    assert mask(masked, ALL) == masked


@pytest.mark.parametrize(
    "text",
    [
        "成交额１３８００１３８０００元，Ａ股，２０２３年３月９日，３．１４１５９２６５。",
        "身份证号１１０１０５１９４９１２３１００２１的储户",
        "Revenue rose to 2125552368 dollars from $1,234,567,890.12.",
        "成交额13800138000元，成交量13800138000股。",
        "Shares outstanding: 4111111111111112; volume 15,800,138,000.",
        "From 2023-03-09 to 2023-03-10, 09:30-16:00, the index fell 3.14159265 %.",
        "身份证号110105194912310021的储户",
        "Order 123-45-678 and part 000-12-3456 are not numbers of people.",
        "GB29 NWBK 6016 1331 9268 18 is no account, nor is ISIN US0378331005.",
        "CVE-2024-12345, RFC 9457, BRK.B, 600519.SH, 00700.HK, @federalreserve",
        "1700000000000 ms; 20260131093000; build 20230309.1",
        "market accounts for 123456 of them",
    ],
)
def test_a_figure_is_left_alone(text: str) -> None:
    assert mask(text, ALL) == text


def test_no_number_of_other_figures_hides_a_telephone() -> None:
    figures = "1a" * 70_000

    assert mask(f"{figures} call 13800138000", {Personal.PHONE}) == f"{figures} call [phone]"


def test_each_kind_is_masked_alone() -> None:
    text = "a@b.com 13800138000 11010519491231002X 4111111111111111"
    for kind in Personal:
        assert mask(text, {kind}).count("[") == 1
        assert f"[{kind.value}]" in mask(text, {kind})


@given(st.text(alphabet="0123456789-+() .@aX银年０１３８９－＋（）　．＠ａＸ", max_size=80))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text, ALL)

    assert mask(once, ALL) == once


def test_the_demo_stream_holds_nothing_to_mask() -> None:
    stream = gzip.decompress((ROOT / "pipeline/demo/stream.jsonl.gz").read_bytes())
    for line in stream.decode().splitlines():
        item = json.loads(line)
        text = f"{item['title']}\n{item['body']}"
        assert mask(text, ALL) == text


def test_an_item_is_masked_wherever_it_enters() -> None:
    content = {
        "title": "Mail a@b.com",
        "body": "手机13800138000",
        "source": "wire",
        "published_at": "2026-01-30T00:00:00Z",
    }
    item = item_from(content, now=NOW, limits=Limits(mask=ALL))

    assert (item.title, item.body) == ("Mail [email]", "手机[phone]")


def test_a_dead_letter_carries_no_personal_data_on() -> None:
    good = b'{"title": "a@b.com", "source": "w", "published_at": "2026-01-30T00:00:00Z"}'
    values = [b'{"title": "a@b.com"}', good]
    messages = [Message("raw", 0, at, None, value) for at, value in enumerate(values)]

    parsed, rejected = parse(messages, now=NOW, limits=Limits(mask=ALL))

    held = [one.message.value for one in parsed] + [one.message.value for one in rejected]
    assert len(held) == 2
    assert all(value and b"a@b" not in value and b"[email]" in value for value in held)


@pytest.mark.parametrize(
    ("title", "masked"),
    [
        ("手机13800138000", "手机[phone]"),
        ("银行卡号：62148301", "银行卡号：[account]"),
        ("Mail a&#64;b.com <b>now</b>", "Mail [email] now"),
        ('<a href="mailto:a@b.com">Mail</a>', '<a href="mailto:[email]">Mail</a>'),
        ("Bank & Sons <b>fall</b>", "Bank & Sons <b>fall</b>"),
    ],
)
@pytest.mark.parametrize("ensure_ascii", [True, False], ids=["escaped", "plain"])
def test_what_is_no_item_is_masked_however_it_is_written(
    title: str, masked: str, ensure_ascii: bool
) -> None:
    raw = json.dumps({"title": title, "more": [{"x": title}]}, ensure_ascii=ensure_ascii).encode()

    assert json.loads(mask_raw(raw, ALL)) == {"title": masked, "more": [{"x": masked}]}


def test_keys_and_numbers_are_masked_and_other_values_stay() -> None:
    content = {"a@b.com": 13800138000, "price": 13.5, "shares": 1_380_013, "new": True, "old": None}

    masked = json.loads(mask_raw(json.dumps(content).encode(), ALL))

    assert masked == {"[email]": "[phone]"} | {k: v for k, v in content.items() if k != "a@b.com"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"title": "a@b.com',
        b"a@b.com \xff",
        '{"title": "a@b.com"}'.encode("utf-16"),
        b'{"title": "\\u0061@b.com"',
        b'{"a@b.com": ' + b"1" * 5_000 + b"}",
    ],
)
def test_of_what_cannot_be_decoded_the_length_is_kept_alone(raw: bytes) -> None:
    assert mask_raw(raw, ALL) == f"[masked: {len(raw)} bytes that cannot be read]".encode()
    assert mask_raw(raw, ()) == raw


def test_a_line_of_a_file_that_is_no_item_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(json.dumps({"title": "手机13800138000"}).encode() + b"\n{a@b.com\n")

    records = list(Lines(path, Limits(mask=ALL)).records())

    raw = [one.raw for one in records if isinstance(one, Unreadable)]
    assert [json.loads(raw[0]), raw[1]] == [
        {"title": "手机[phone]"},
        b"[masked: 9 bytes that cannot be read]",
    ]


def test_what_a_reason_says_repeats_nothing_of_the_input() -> None:
    content = {"title": "a", "source": "w", "published_at": "call 13800138000"}

    with pytest.raises(BadItem) as caught:
        item_from(content, now=NOW, limits=Limits(mask=ALL))

    assert "138" not in caught.value.detail


def test_nothing_is_masked_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().privacy.mask == ()

    monkeypatch.setenv("TAPEWATCH_PRIVACY__MASK", "email, phone")
    assert Settings().privacy.mask == (Personal.EMAIL, Personal.PHONE)
