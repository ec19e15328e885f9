"""The desk's parts that need no database: sessions, texts and charts."""

import re
from datetime import UTC, datetime, timedelta
from string import Formatter
from types import SimpleNamespace
from uuid import uuid4

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from db.desk import CountRow
from pipeline.catalogue import LANGUAGES, catalogue
from pipeline.settings import WebSettings
from pipeline.web.auth import Gate
from pipeline.web.desk import access, charts, language, pages
from pipeline.web.desk.subscriptions import to_wish
from pipeline.web.problems import Problem

MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_session_holds_until_it_ends_and_under_its_key_alone() -> None:
    for key_id in (None, uuid4()):
        cookie = access.new_session(b"key", key_id, now_s=1000)

        assert access.session_of(cookie, b"key", now_s=1000) == (key_id,)
        assert access.session_of(cookie, b"key", now_s=1000 + access.LASTS_S) is None
        assert access.session_of(cookie, b"another", now_s=1000) is None


@pytest.mark.parametrize("cookie", ["", ".", "9e9.", "9999999999.0", "½.ü", "9999999999"])
def test_a_forged_cookie_is_no_session(cookie: str) -> None:
    assert access.session_of(cookie, b"key", now_s=1000) is None


@pytest.mark.parametrize("origin", ["http://[", "http://evil.example", "//web/", "web", ""])
def test_a_form_of_another_origin_is_refused_however_that_is_written(origin: str) -> None:
    gate = Gate(WebSettings(api_key=SecretStr("k3y-0f-the-tests")))
    app = SimpleNamespace(state=SimpleNamespace(gate=gate))
    headers = [(b"host", b"web"), (b"origin", origin.encode())]
    request = Request({"type": "http", "method": "POST", "app": app, "headers": headers})

    with pytest.raises(Problem) as refused:
        access.require_own_page(request)

    assert refused.value.status == 403


@pytest.mark.parametrize("to", ["//evil", "https://evil/desk", "/deskx", "/desk/\\evil", "/v1", ""])
def test_a_login_returns_to_the_desk_alone(to: str) -> None:
    assert access.safe_return(to) == "/desk"
    assert access.safe_return("/desk/series?q=a") == "/desk/series?q=a"


def test_every_text_has_both_languages_with_the_same_values() -> None:
    for key, texts in catalogue().items():
        values = {
            spoken: {name for _, name, _, _ in Formatter().parse(text) if name}
            for spoken, text in texts.items()
        }
        assert set(values) == set(LANGUAGES), key
        assert values["en"] == values["zh"], key
        assert all(texts.values()), key


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "chosen"),
    [
        ("zh", "en", "en", "zh"),
        ("xx", "zh", "en", "zh"),
        (None, None, "fr, zh-CN;q=0.9, en;q=0.8", "zh"),
        (None, None, "", "en"),
    ],
)
def test_the_address_wins_then_the_cookie_then_the_browser(
    asked: str | None, kept: str | None, accepted: str, chosen: str
) -> None:
    assert language.choose(asked=asked, kept=kept, accepted=accepted) == chosen


def test_a_line_breaks_where_there_is_no_value() -> None:
    drawn = charts.path([0.5, None, 1.0, 0.0], width=100, height=10, count=4, top=1)

    assert re.findall("[ML]", drawn) == ["M", "M", "L"]


def test_a_trailing_share_weighs_by_accounts() -> None:
    rows = {MIDNIGHT: CountRow(MIDNIGHT, 9, 0), MIDNIGHT + HOUR: CountRow(MIDNIGHT + HOUR, 1, 1)}

    shares = charts.trailing_shares(rows, [MIDNIGHT + HOUR, MIDNIGHT + 9 * HOUR], step=HOUR, span=2)

    assert shares == [0.1, None]


@pytest.mark.parametrize(
    ("shares", "accounts", "usual"),
    [
        ([0.25, 0.5] * 20, 60, (0.25, 0.5)),
        ([0.25, 0.5] * 20, 19, None),
        ([0.25, 0.5] * 9, 60, None),
        ([0.0, 1.0] * 20, 60, None),
        ([0.25, None] * 20, 60, (0.25, 0.25)),
    ],
)
def test_a_usual_range_that_tells_nothing_is_none(
    shares: list[float | None], accounts: int, usual: tuple[float, float] | None
) -> None:
    assert charts.usual_range(shares, accounts=accounts) == usual


def test_a_chart_ends_at_the_newest_item() -> None:
    rows = [CountRow(MIDNIGHT + HOUR, 4, 1)]

    chart = charts.draw(
        rows,
        since=MIDNIGHT,
        until=MIDNIGHT + timedelta(days=1),
        newest=MIDNIGHT + 2 * HOUR,
        step=HOUR,
        span=1,
        stories={MIDNIGHT + HOUR: 2},
        marks=[MIDNIGHT + 12 * HOUR],
    )

    assert [column.stories for column in chart.columns] == [0, 2, 0]
    assert (chart.top, chart.most) == (0.25, 4)
    assert chart.marks == ((0, 500.0),)
    assert chart.band is None


def test_a_form_becomes_a_wish_and_what_is_empty_is_left_out() -> None:
    form = {
        "url": [" https://desk.example/ "],
        "entities": ["SVB\r\n\r\n Apple, Inc. \r\n"],
        "topics": ["legal", "macro"],
        "quiet_from": ["22:00"],
        "digest_at": ["08:30, 17:00"],
        "operations": ["on"],
        "unknown": ["x"],
    }

    assert to_wish(form) == {
        "url": "https://desk.example/",
        "entities": ["SVB", "Apple, Inc."],
        "topics": ["legal", "macro"],
        "quiet": "22:00-",  # refused with what is wrong, rather than dropped
        "digest_at": ["08:30", "17:00"],
        "operations": True,
    }
    assert to_wish({}) == {"url": "", "entities": [], "digest_at": []}


def test_an_item_of_any_id_has_an_address() -> None:
    assert pages.item_address("https://a/b?c#d") == "/desk/items/https%3A%2F%2Fa%2Fb%3Fc%23d"
    assert pages.why_address("a&b", entity="us:X") == "/desk/why?item=a%26b&entity=us%3AX"
