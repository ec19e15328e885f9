import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.messages import (
    BadItem,
    Limits,
    NewsItem,
    Reason,
    ScoredItem,
    parse_item,
    text_hash,
)

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def raw(**changes: object) -> bytes:
    content: dict[str, object] = {
        "published_at": "2024-03-01T10:00:00+00:00",
        "title": "Northwind Bank cuts its outlook",
        "body": "Profit will fall.",
        "source": "wire",
        "url": "https://example.com/1",
    }
    content |= changes
    return json.dumps({key: value for key, value in content.items() if value != "ABSENT"}).encode()


def parsed(content: bytes) -> NewsItem:
    return parse_item(content, now=NOW, limits=Limits())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"{not json", Reason.NOT_JSON),
        (b'{"title": "\\ud800"}', Reason.NOT_JSON),
        (b"[" * 10_000, Reason.NOT_JSON),
        (b"\xff\xfe\x00", Reason.NOT_UTF8),
        (b"[1, 2]", Reason.NOT_OBJECT),
        (b"null", Reason.NOT_OBJECT),
        (raw(title="ABSENT"), Reason.MISSING_TITLE),
        (raw(title=None), Reason.MISSING_TITLE),
        (raw(title="  \u0000 "), Reason.MISSING_TITLE),
        (raw(title="<p></p>"), Reason.MISSING_TITLE),
        (raw(title=["a"]), Reason.BAD_FIELD),
        (raw(source="ABSENT"), Reason.MISSING_SOURCE),
        (raw(source="x" * 301), Reason.BAD_FIELD),
        (raw(published_at="ABSENT"), Reason.MISSING_DATE),
        (raw(published_at="yesterday"), Reason.BAD_DATE),
        (raw(published_at="2024-03-01T10:00:00"), Reason.BAD_DATE),
        (raw(published_at=1709287200), Reason.BAD_DATE),
        (raw(published_at="1970-01-01T00:00:00+23:59"), Reason.BAD_DATE),
        (raw(published_at="0001-01-01T00:00:00+14:00"), Reason.BAD_DATE),
        (raw(published_at="9999-12-31T23:59:59-14:00"), Reason.BAD_DATE),
        (raw(published_at="3000-01-01T00:00:00Z"), Reason.FUTURE_DATE),
        (raw(body="x" * 1_000_000), Reason.TOO_LONG),
        (raw(body=7), Reason.BAD_FIELD),
        (raw(id="x" * 301), Reason.BAD_FIELD),
    ],
)
def test_bad_input_has_its_reason(content: bytes, reason: Reason) -> None:
    with pytest.raises(BadItem) as caught:
        parsed(content)

    assert caught.value.reason is reason


def test_a_title_and_a_body_of_html_become_text() -> None:
    item = parsed(raw(title="<b>AT&amp;T</b> falls", body="<html><p>Down</p><p>6 %</p></html>"))

    assert (item.title, item.body) == ("AT&T falls", "Down 6 %")


def test_a_body_of_nothing_but_markup_is_empty() -> None:
    assert parsed(raw(body="<div><img src='x'/></div>")).body == ""


def test_control_characters_are_taken_out() -> None:
    item = parsed(raw(title="Bank\u0000 fails\u001b", source="wi\u0007re"))

    assert (item.title, item.source) == ("Bank fails", "wire")


def test_times_become_utc() -> None:
    item = parsed(raw(published_at="2024-03-01T12:00:00+02:00"))

    assert item.published_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert item.published_at.utcoffset() == timedelta(0)


def test_an_item_may_be_dated_a_little_ahead_of_the_clock() -> None:
    ahead = (NOW + timedelta(minutes=59)).isoformat()

    assert parsed(raw(published_at=ahead)).published_at > NOW


def test_the_same_content_makes_the_same_id_and_another_time_another() -> None:
    first, again = parsed(raw()), parsed(raw())
    later = parsed(raw(published_at="2024-03-01T10:00:01+00:00"))

    assert first.id == again.id
    assert first.id != later.id


def test_an_own_id_is_kept() -> None:
    assert parsed(raw(id="abc-1")).id == "abc-1"


def test_copies_of_a_text_share_a_hash_whoever_published_them() -> None:
    one = parsed(raw(source="wire", url="https://a.example/1"))
    other = parsed(raw(source="paper", title="NORTHWIND BANK  cuts its outlook", url=None))

    assert one.id != other.id
    assert text_hash(one) == text_hash(other)


def test_an_address_that_is_not_of_the_web_is_dropped_and_the_item_stays() -> None:
    assert parsed(raw(url="javascript:alert(1)")).url is None


def test_a_language_is_guessed_only_where_none_is_given() -> None:
    assert parsed(raw()).language == "en"
    assert parsed(raw(title="硅谷银行破产", body="")).language == "zh"
    assert parsed(raw(language="de-DE")).language == "de"
    assert parsed(raw(language="German, mostly")).language == "en"


def test_unknown_fields_are_ignored() -> None:
    assert parsed(raw(author="nobody")).title == "Northwind Bank cuts its outlook"


@given(title=st.text(), body=st.text(), source=st.text(), url=st.text())
def test_an_item_is_the_same_after_its_own_wire_form(
    title: str, body: str, source: str, url: str
) -> None:
    try:
        item = parsed(raw(title=title, body=body, source=source, url=url))
    except BadItem:
        return

    assert parsed(item.to_bytes()) == item


@given(st.binary())
def test_any_bytes_are_an_item_or_have_a_reason(content: bytes) -> None:
    outcome: str | Reason
    try:
        outcome = parsed(content).title
    except BadItem as error:
        outcome = error.reason

    assert outcome


@pytest.mark.parametrize(
    ("model", "file"), [(NewsItem, "news_item.v1.json"), (ScoredItem, "scored_item.v1.json")]
)
def test_the_documented_schema_is_the_one_of_the_code(model: Any, file: str) -> None:
    documented = json.loads((SCHEMAS / file).read_text("utf-8"))

    Draft202012Validator.check_schema(documented)
    assert documented == model.model_json_schema()
