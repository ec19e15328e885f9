"""The desk in a real Chromium: its journeys, no error in the console, no serious fault by axe.

Skipped where there is no Chromium (Debian: ``apt-get install chromium``).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import which
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from db.deliveries import list_deliveries
from db.engine import Engine, transaction
from db.items import store_items
from db.outbox import record_attempt
from db.rows import Places, Progress
from pipeline.settings import ModelSettings
from tests.desk_server import serving
from tests.integration.desk_archive import SERIES, end_alert, fill
from tests.integration.samples import NEGATIVE, NOON, SVB, item, store, towards
from tests.integration.web_client import API_KEY, web_settings
from tests.tiny_models import save_model

BROWSER = which("chromium")
_HIDDEN_PX = """selector => {
    const list = document.querySelector(selector);
    return list.scrollHeight - list.clientHeight;
}"""
# Notes whose children change from now on, while nothing is focused.
_WATCH = """() => {
    document.activeElement.blur();
    window.changed = [];
    const note = (all) => changed.push(...all.map((one) => one.target.className));
    new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
}"""
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of the module's own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Page]:
    """A page without cookies; fails the test on an error in its console or a foreign request."""
    faults: list[str] = []
    hosts: set[str] = set()
    page = browser.new_context(locale="en-GB").new_page()
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield page
    page.context.close()
    # Chromium calls the answer to a form that is refused, which one journey asks for, an error.
    assert [fault for fault in faults if "status of 422" not in fault] == []
    assert len(hosts) == 1


def test_the_journeys_of_a_reader(chromium: Page, database_url: str, engine: Engine) -> None:
    alert_id = fill(engine)
    with serving(web_settings(database_url=database_url)) as address:
        _log_in(chromium, address)
        assert chromium.locator("tbody .critical").first.is_visible()

        chromium.keyboard.press("/")
        chromium.wait_for_url(f"{address}/desk/series")
        chromium.keyboard.press("/")
        chromium.keyboard.type("svb")
        chromium.keyboard.press("Enter")
        chromium.wait_for_url(lambda address: "q=svb" in address)
        chromium.get_by_role("link", name="SVB Financial Group").click()
        chromium.wait_for_url(lambda at: unquote(at) == f"{address}{SERIES}")
        chromium.locator(".plot .column").first.click()
        chromium.get_by_text("Title of old").wait_for()
        chromium.locator(".plot .column").first.focus()
        chromium.keyboard.press("ArrowRight")
        chromium.keyboard.press("Enter")
        chromium.get_by_text("copies: 1").wait_for()
        _check(chromium, address, "/desk", "/desk/series", SERIES, f"/desk/alerts/{alert_id}")


def test_a_page_is_replaced_only_when_it_changed_and_keeps_open_what_was_folded_out(
    chromium: Page, database_url: str, engine: Engine
) -> None:
    told = Places(stories={"one": 1, "two": 1})
    with transaction(engine) as session:
        rows = [item(name, at=NOON) for name in told.stories]
        store_items(session, rows, [Progress("raw", 0, 2, NOON)], place=lambda *_: told)
    with serving(web_settings(database_url=database_url)) as address:
        _log_in(chromium, address, SERIES)
        chromium.get_by_text("other accounts: 1").click()
        chromium.evaluate(_WATCH)
        for _ in range(2):
            chromium.evaluate("renew()")
        assert chromium.evaluate("changed") == ["live"]  # "Updated", said once
        store(engine, item("three", at=NOON))
        chromium.evaluate("renew()")
        assert chromium.get_by_text("Title of three").is_visible()
        assert chromium.locator(".stories details a").first.is_visible()
        _leave(chromium)


def test_an_alert_is_judged_silenced_and_heard_again(
    chromium: Page, database_url: str, engine: Engine
) -> None:
    path = f"/desk/alerts/{fill(engine)}"
    with serving(web_settings(database_url=database_url)) as address:
        _log_in(chromium, address, path)
        for label in ("Your name", "Note"):
            chromium.get_by_label(label).first.fill("Ann")
            chromium.keyboard.press("Enter")  # is no verdict
        chromium.get_by_role("button", name="Not wanted").click()
        chromium.get_by_text("Called Not wanted").wait_for()
        chromium.get_by_label("Your name").last.fill("Ann")
        chromium.get_by_label("Why").fill("known since Monday")
        chromium.get_by_role("button", name="Silence this series").click()
        chromium.get_by_text("Silenced until").wait_for()
        _check(chromium, address, path)
        chromium.goto(f"{address}{path}")
        chromium.get_by_role("button", name="End it").click()
        chromium.get_by_text("Silenced until").wait_for(state="detached")
        _leave(chromium)


def test_no_page_scrolls_sideways_on_a_phone(
    chromium: Page, database_url: str, engine: Engine
) -> None:
    alert_id = fill(engine)
    end_alert(engine, alert_id)
    store(engine, item("long", at=NOON, source="a-source-of-a-name-without-any-space.example"))
    paths = ("/desk", "/desk/series", SERIES, "/desk/series/market/all", f"/desk/alerts/{alert_id}")
    with serving(web_settings(database_url=database_url)) as address:
        _log_in(chromium, address)
        chromium.set_viewport_size({"width": 390, "height": 844})
        for lang in ("en", "zh"):
            for path in (*paths, "/desk/items/long", "/desk/subscriptions/new"):
                chromium.goto(f"{address}{path}?lang={lang}")
                assert chromium.evaluate("document.documentElement.scrollWidth") <= 390, path
        chromium.goto(f"{address}/desk")
        # Nor is a list cut there: a finger would scroll either it or the page.
        assert chromium.evaluate(_HIDDEN_PX, ".scroll") == 0
        _leave(chromium)


def test_the_journey_of_who_subscribes(chromium: Page, database_url: str, engine: Engine) -> None:
    with serving(web_settings(database_url=database_url)) as address:
        _log_in(chromium, address)
        chromium.get_by_role("link", name="Subscriptions").click()
        chromium.get_by_text("Nobody is told of alerts yet.").wait_for()
        chromium.get_by_role("link", name="New subscription").click()
        chromium.get_by_label("Where to").fill("http://127.0.0.1:9000/hook")
        chromium.get_by_label("Companies").fill("SIVB\nNo Such Company")
        chromium.locator("summary", has_text="Topics").click()
        chromium.get_by_label("legal").check()
        chromium.get_by_label("Critical", exact=True).check()
        chromium.get_by_role("button", name="Subscribe", exact=True).click()
        chromium.get_by_role("alert").get_by_text("No Such Company").wait_for()
        assert chromium.get_by_label("legal").is_checked()
        chromium.get_by_label("Companies").fill("SIVB")
        chromium.get_by_role("button", name="Subscribe", exact=True).click()
        assert chromium.locator("#secret").inner_text().startswith("whsec_")

        chromium.get_by_role("link", name="I have kept it").click()
        chromium.get_by_role("button", name="Send a test").click()
        chromium.get_by_text("subscription.test").wait_for()
        path = chromium.url.removeprefix(address).split("#")[0]
        _deliver(engine)
        # Without a reload: the page looks again by itself.
        chromium.get_by_text("Delivered 204").wait_for()
        _check(chromium, address, "/desk/subscriptions", path, "/desk/subscriptions/new")

        chromium.goto(f"{address}{path}")
        chromium.get_by_role("button", name="Pause").click()
        chromium.get_by_role("button", name="Resume").wait_for()
        chromium.get_by_text("Delete…").click()
        chromium.get_by_role("button", name="Delete for good").click()
        chromium.get_by_text("Nobody is told of alerts yet.").wait_for()
        _leave(chromium)


def test_the_journey_to_the_words_that_made_a_story_negative(
    chromium: Page, database_url: str, engine: Engine, tmp_path: Path
) -> None:
    fill(engine)
    bad = item("bad", at=NOON, source="daily", entities=(towards(SVB, NEGATIVE),))
    store(engine, replace(bad, title="Loss of SVB Financial Group", body="The bank falls, fraud"))
    model = ModelSettings(path=str(save_model(tmp_path)), device="cpu")
    settings = web_settings(database_url=database_url).model_copy(update={"model": model})
    with serving(settings) as address:
        _log_in(chromium, address, SERIES)
        story = chromium.locator(".stories li", has_text="Loss of SVB Financial Group")
        story.get_by_role("link", name="Why?").click()
        # The model is loaded meanwhile; the page renews itself until it has an answer.
        chromium.locator("mark.for3, mark.against3").first.wait_for(timeout=120_000)
        assert "The bank falls, fraud" in chromium.locator(".shaded").inner_text()
        towards_svb = chromium.url.removeprefix(address)
        chromium.get_by_role("link", name="Back to the item").click()
        chromium.get_by_role("link", name="Why negative?").click()
        chromium.locator("mark.for3, mark.against3").first.wait_for(timeout=120_000)
        _check(chromium, address, towards_svb, "/desk/items/bad")


def _log_in(page: Page, address: str, to: str = "/desk") -> None:
    page.goto(f"{address}/desk/login?to={to}#key={API_KEY}")
    page.wait_for_url(lambda at: unquote(at) == f"{address}{to}")


def _deliver(engine: Engine) -> None:
    """Note what a scheduler would have done with what waits."""
    with transaction(engine) as session:
        for delivery in list_deliveries(session, state="pending"):
            record_attempt(
                session,
                delivery.id,
                at=NOON,
                outcome="delivered",
                status=204,
                detail=None,
                duration_ms=3,
                next_attempt_at=None,
            )


def _check(page: Page, address: str, *paths: str) -> None:
    """Let axe look at pages at both widths, in both themes; the page is left blank."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for theme in ("light", "dark"):
            for path in paths:
                mark = "&" if "?" in path else "?"
                page.goto(f"{address}{path}{mark}theme={theme}")
                name = f"{path} {theme} {width}"
                found = Axe().run(page).response["violations"]
                serious = [one for one in found if one["impact"] in {"serious", "critical"}]
                told = [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
                assert told == [], name
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    _leave(page)


def _leave(page: Page) -> None:
    """Open nothing: a page whose server ends says so in its console."""
    page.goto("about:blank")
