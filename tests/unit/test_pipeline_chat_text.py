"""What people read in chat and mail."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery.chat import MAX_CHARS, Level
from alerts.notices import NOTICES, DigestScope, SubscriptionTest, Trial, notice_body
from alerts.types import TransitionKind
from pipeline.catalogue import LANGUAGES, catalogue
from pipeline.stages.alerting import said_of
from pipeline.stages.chat_text import chat_message
from tests.integration.samples import alert, mention
from tests.unit.test_alerts_notices import entry

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
DESK = "https://watch.example/desk/"


def alert_body(
    kind: str,
    *,
    title: str = "Shares fall",
    url: str | None = None,
    detector: str = "negative_spike",
) -> str:
    item = {"title": title, "source": "wire", "url": url, "published_at": str(AT), "score": -0.9}
    data = {
        "id": str(UUID(int=7)),
        "detector": detector,
        "severity": "critical",
        "scope": {"kind": "entity", "id": "northlake", "name": "Northlake Bank"},
        "window": {"start": str(AT - timedelta(hours=4)), "end": str(AT)},
        "observed": 3.0,
        "expected": 0.03,
        "sources": 2,
        "stories": 1,
        "evidence": [item] * 5,
    }
    return json.dumps({"type": kind, "timestamp": str(AT), "data": data})


def test_an_alert_says_what_rose_with_evidence_and_a_link() -> None:
    body = alert_body("alert.fired", url="https://daily.example/northlake")

    message = chat_message("alert.fired", body, language="en", desk_url=DESK)

    assert message.title == "Critical: bad news about Northlake Bank"
    assert message.text.splitlines() == [
        "3 negative accounts in 4 h where 0.03 are usual, about 100 times as many; "
        "sources: 2, stories: 1.",
        *["• Shares fall (wire)", "  https://daily.example/northlake"] * 3,
        f"https://watch.example/desk/alerts/{UUID(int=7)}",
    ]
    assert message.level is Level.BAD


def test_an_alert_is_told_in_chinese() -> None:
    message = chat_message("alert.fired", alert_body("alert.fired"), language="zh", desk_url=None)

    assert message.title == "严重：Northlake Bank 负面新闻增多"
    assert message.text.startswith("4 小时内负面报道 3 条（平常 0.03 条，约为平常的 100 倍）")
    assert "desk" not in message.text


def test_attention_is_not_told_as_bad_news() -> None:
    for kind in TransitionKind:
        body = alert_body(kind, detector="attention_surge")

        message = chat_message(kind, body, language="en", desk_url=None)

        assert "attention to Northlake Bank" in message.title
        assert "negative accounts" not in message.text.lower()


def test_the_end_of_an_alert_is_good_news_without_evidence() -> None:
    body = alert_body("alert.resolved")

    message = chat_message("alert.resolved", body, language="en", desk_url=None)

    assert message.title == "Resolved: bad news about Northlake Bank has eased"
    assert message.text == "Negative accounts: now 3 in 4 h, where 0.03 are usual by now."
    assert "Shares" not in message.text
    assert message.level is Level.GOOD


def test_titles_from_outside_bring_no_mentions_and_no_markup() -> None:
    body = alert_body("alert.fired", title="<!channel> @here `rm` \x1b[31m\nnext")

    message = chat_message("alert.fired", body, language="en", desk_url=None)

    assert not set("<>@`\x1b") & set(message.text)
    assert "next (wire)" in message.text.splitlines()[1]


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=3), repeat=st.integers(1, 300))
def test_a_message_is_never_longer_than_every_service_takes(text: str, repeat: int) -> None:
    body = alert_body("alert.fired", title=text * repeat, url="https://a.example/" + "x" * 180)

    message = chat_message("alert.fired", body, language="en", desk_url=DESK)

    assert len(message.title) + len(message.text) <= MAX_CHARS
    assert message.text.endswith(f"/alerts/{UUID(int=7)}")


def test_an_alert_names_the_companies_that_it_speaks_for() -> None:
    related = ({"kind": "entity", "id": "x:spirit", "name": "Spirit"},)
    row = replace(alert(revision=2), related=related)

    message = chat_message(
        "alert.updated", said_of(row, TransitionKind.UPDATED).body, language="en", desk_url=None
    )

    assert message.text.splitlines()[1] == "The same news is about Spirit."


def test_a_digest_lists_its_alerts() -> None:
    spirit = DigestScope(kind="entity", id="x:spirit", name="Spirit")
    told = entry(1, severity="critical").model_copy(update={"related": (spirit,)})
    data = {"alerts": [json.loads(told.model_dump_json())], "omitted": 3}

    message = chat_message(
        "alert.digest", json.dumps({"data": data}), language="zh", desk_url="https://w.example/desk"
    )

    assert message.title == "静默期间的报警：4 条"
    assert message.text.splitlines() == [
        "• 触发，严重：Northlake Bank, Spirit",
        "另有 3 条",
        "https://w.example/desk",
    ]


def test_the_test_button_says_that_it_is_a_test() -> None:
    notice = SubscriptionTest(timestamp=AT, data=Trial(subscription_id=UUID(int=1)))

    message = chat_message(notice.type, notice_body(notice), language="en", desk_url=None)

    assert (message.title, message.level) == ("Test of tapewatch", Level.PLAIN)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_of_event_has_its_texts(language: str) -> None:
    types = {notice.model_fields["type"].default for notice in NOTICES}

    for event_type in types | {kind.value for kind in TransitionKind}:
        assert catalogue()[f"chat_{event_type.replace('.', '_')}"][language]


def test_what_the_live_system_says_of_an_alert_can_be_told() -> None:

    said = said_of(alert(evidence=(mention("a"),)), TransitionKind.FIRED)

    message = chat_message("alert.fired", said.body, language="en", desk_url=None)

    assert "Title of a (wire)" in message.text
