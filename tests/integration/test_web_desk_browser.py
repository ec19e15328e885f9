"""The desk in a real Chromium: its journeys, no error in the console, no serious fault by axe.

Skipped where there is no Chromium (Debian: ``apt-get install chromium``).
"""

from collections.abc import Iterator
from shutil import which
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from db.engine import Engine
from tests.desk_server import serving
from tests.integration.test_web_desk import SERIES, fill
from tests.integration.web_client import API_KEY, web_settings

BROWSER = which("chromium")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Page]:
    """A page of a browser of the module's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_the_journeys_of_a_reader(chromium: Page, database_url: str, engine: Engine) -> None:
    alert_id = fill(engine)
    faults: list[str] = []
    asked: list[str] = []
    chromium.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    chromium.on("pageerror", lambda error: faults.append(str(error)))
    chromium.on("request", lambda request: asked.append(request.url))
    with serving(web_settings(database_url=database_url)) as address:
        chromium.goto(f"{address}/desk/login#key={API_KEY}")
        chromium.wait_for_url(f"{address}/desk")
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
        chromium.get_by_text("+ 1 copies").wait_for()

        for width in (390, 1280):
            chromium.set_viewport_size({"width": width, "height": 800})
            for theme in ("light", "dark"):
                for page in ("/desk", "/desk/series", SERIES, f"/desk/alerts/{alert_id}"):
                    chromium.goto(f"{address}{page}?theme={theme}")
                    _check(chromium, f"{page} {theme} {width}")
        chromium.goto("about:blank")  # a page whose server ends says so in its console
    assert faults == []
    assert {url.split("/")[2] for url in asked} == {address.split("/")[2]}


def _check(page: Page, name: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [fault for fault in found if fault["impact"] in {"serious", "critical"}]
    told = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in serious]
    assert told == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
