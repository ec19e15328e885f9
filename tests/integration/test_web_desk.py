"""The desk's pages on a real database: who gets in, what they show, and what locks them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Places, Progress
from tests.integration.desk_archive import ODD_LINK, SERIES, WEB_LINK, end_alert, fill
from tests.integration.samples import NEUTRAL, NOON, item
from tests.integration.web_client import API_KEY, web_client, web_settings

PAGES = ["/desk", "/desk/series", SERIES, "/desk/items/a"]


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has logged in."""
    async with web_client(web_settings(database_url=database_url), key="") as client:
        answer = await client.post("/desk/login", data={"key": API_KEY})
        assert answer.status_code == 303
        yield client


async def text(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, path
    return answer.text


async def test_nobody_sees_a_page_without_a_session(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url), key="") as client:
        client.cookies.set("tapewatch_desk", "9999999999.00")
        for page in PAGES:
            answer = await client.get(page)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/desk/login?to=/desk")


async def test_a_wrong_key_begins_no_session(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url), key="") as client:
        answer = await client.post("/desk/login", data={"key": "wrong"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_the_session_cookie_is_for_the_server_alone(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url), key="") as client:
        answer = await client.post("/desk/login", data={"key": API_KEY, "to": "//evil.example"})

    assert answer.headers["location"] == "/desk"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert API_KEY not in cookie


async def test_every_page_is_locked_to_this_host(client: httpx.AsyncClient, engine: Engine) -> None:
    found = fill(engine)
    for page in [*PAGES, f"/desk/alerts/{found}", "/desk/login", "/desk/static/desk.js"]:
        answer = await client.get(page)
        assert answer.status_code == 200, page
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "style=" not in answer.text, page
        assert "onclick" not in answer.text, page


@pytest.mark.parametrize("page", ["/desk", "/desk/series", SERIES])
async def test_an_empty_database_gives_pages_that_say_so(
    client: httpx.AsyncClient, page: str
) -> None:
    assert 'class="empty"' in await text(client, page)


async def test_the_overview_shows_what_fires_and_which_source_is_silent(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    fill(engine)

    page = await text(client, "/desk")

    assert "Critical" in page
    assert "Title of a" in page
    assert "Silent" in page
    assert "&lt;b&gt;paper" in page
    assert "<b>paper" not in page


async def test_the_list_finds_by_name_and_by_symbol(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    fill(engine)

    for wanted in ("svb", "SIVB"):
        page = await text(client, f"/desk/series?q={wanted}")
        assert "SVB Financial Group" in page
        assert "50 %" in page
    assert "No company or topic" in await text(client, "/desk/series?q=%25")


async def test_a_point_shows_its_stories_with_copies_folded(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    fill(engine)

    page = await text(client, f"{SERIES}?at=2023-03-09T12:00Z")

    assert page.index("Title of a") < page.index("Title of b")
    assert "copies: 1" in page
    assert "Title of copy" not in page


async def test_the_accounts_of_one_story_stand_under_the_worst_of_them(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    rows = [
        item("mild", at=NOON, tone=(0.5, 0.3, 0.2)),
        item("worst", at=NOON + timedelta(minutes=1)),
        item("other", at=NOON + timedelta(minutes=2), tone=NEUTRAL),
    ]
    told = {"mild": 1, "worst": 1, "other": 3}
    with transaction(engine) as session:
        newest = [Progress("raw", 0, 3, NOON + timedelta(minutes=2))]
        store_items(session, rows, newest, place=lambda *_: Places(stories=told))

    page = await text(client, f"{SERIES}?at=2023-03-09T12:00Z")

    assert "other accounts: 1" in page
    places = [page.index(f"Title of {name}") for name in ("worst", "mild", "other")]
    assert places == sorted(places)
    assert "Stories 2</title>" in page
    assert '<td class="n few">2</td>' in await text(client, "/desk/series")


async def test_an_alert_shows_evidence_and_follows_no_odd_link(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    alert_id = fill(engine)

    page = await text(client, f"/desk/alerts/{alert_id}")
    items = [await text(client, f"/desk/items/{item_id}") for item_id in ("a", "b")]

    assert "Title of a" in page
    for shown in (page, items[1]):
        assert f'href="{WEB_LINK}"' in shown
    for shown in (page, *items):
        assert ODD_LINK not in shown


async def test_titles_name_their_language(client: httpx.AsyncClient, engine: Engine) -> None:
    alert_id = fill(engine)

    for path in ("/desk", f"/desk/alerts/{alert_id}", f"{SERIES}?at=2023-03-09T12:00Z"):
        page = await text(client, path)
        assert 'lang="en">Title of a</a>' in page, path
        assert 'lang="zh">Title of b</a>' in page, path


async def test_enter_in_a_field_gives_no_verdict(client: httpx.AsyncClient, engine: Engine) -> None:
    page = await text(client, f"/desk/alerts/{fill(engine)}")

    form = page[page.index("/acknowledgement") :]
    # A browser presses the first button of the form.
    assert re.findall(r"<button[^>]*>", form)[0] == "<button disabled hidden>"


async def test_an_alert_that_is_over_still_shows_what_raised_it(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    found = fill(engine)
    end_alert(engine, found)

    page = await text(client, f"/desk/alerts/{found}")

    assert "Negative accounts: now 3 in 4 h, where 3.5 are usual by now." in page
    facts = page[page.index("<dl") : page.index('id="judge"')]
    assert "<dd>5</dd>" in facts
    assert "<dd>0.5</dd>" in facts
    assert "resolved" in page[: page.index("<dl")].lower()
    assert "3.5" not in facts
    series = await text(client, SERIES)
    listed = series[series.index(f"/desk/alerts/{found}") :]
    assert '<td class="n">5</td><td class="n">0.5</td>' in listed


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/desk/alerts/00000000-0000-0000-0000-000000000000", 404),
        ("/desk/items/none", 404),
        (f"{SERIES}?at=never", 400),
    ],
)
async def test_what_is_not_there_is_said(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path)).status_code == status


async def test_an_error_is_a_page_to_a_browser_and_a_problem_to_a_program(
    client: httpx.AsyncClient,
) -> None:
    path = "/desk/alerts/00000000-0000-0000-0000-000000000000"

    page = await client.get(f"{path}?lang=zh", headers={"Accept": "text/html,*/*"})
    sent = await client.post(f"{path}/acknowledgement", headers={"Accept": "text/html"})
    problem = await client.get(path)
    api = await client.get("/v1/alerts", headers={"Accept": "text/html"})

    assert (page.status_code, sent.status_code, problem.status_code) == (404, 400, 404)
    assert "此处没有内容" in page.text
    assert "there is no such alert" in page.text
    assert 'href="/desk?theme=dark"' in sent.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert (api.status_code, api.headers["content-type"]) == (401, "application/problem+json")


async def test_language_and_theme_are_kept(client: httpx.AsyncClient) -> None:
    assert "正在报警" in await text(client, "/desk?lang=zh&theme=dark")

    page = await text(client, "/desk")

    assert "正在报警" in page
    assert 'data-theme="dark"' in page
