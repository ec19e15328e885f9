"""The sign-in in a real Chromium, at a provider of another site: cookies and policy hold.

Skipped where there is no Chromium (Debian: ``apt-get install chromium``).
"""

from shutil import which

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from pipeline.web.desk import access, sign_in
from tests.desk_server import serving
from tests.integration.sign_in.desk import with_oidc
from tests.integration.sign_in.oidc_provider import provider_for_tests

BROWSER = which("chromium")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine"),
]


def test_a_reader_signs_in_at_another_site_and_logs_out(database_url: str) -> None:
    faults: list[str] = []
    with (
        provider_for_tests("localhost") as provider,  # another site than 127.0.0.1
        serving(with_oidc(provider.issuer, database_url=database_url)) as address,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"]) as browser,
    ):
        provider.claims["groups"] = ["desk-readers"]
        provider.page = True  # so that it is the other site which leads back
        page = browser.new_context(locale="en-GB").new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))

        page.goto(f"{address}/desk/series?q=svb")
        found = Axe().run(page).response["violations"]
        page.get_by_role("link", name="Sign in with Example ID").click()
        page.get_by_role("link", name="Go on").click()
        page.wait_for_url(f"{address}/desk/series?q=svb")

        assert page.locator("#q").is_visible()
        [kept] = [each for each in page.context.cookies() if each["name"] == access.COOKIE]
        assert (kept["httpOnly"], kept["sameSite"]) == (True, "Strict")
        assert sign_in.COOKIE not in {each["name"] for each in page.context.cookies()}

        page.get_by_role("button", name="Log out").click()
        page.get_by_role("link", name="Sign in with Example ID").wait_for()
        assert access.COOKIE not in {each["name"] for each in page.context.cookies()}
    assert faults == []
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
