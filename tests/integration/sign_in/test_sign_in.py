"""The sign-in of people at an OpenID provider: who gets in, and how the session ends."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from db.access_tables import api_keys
from db.engine import Engine, transaction
from db.keys import list_keys, revoke_key
from pipeline.web.desk import access, sign_in
from tests.integration.sign_in.desk import WHO, audit, browser, with_oidc
from tests.integration.sign_in.oidc_provider import ProviderForTests
from tests.integration.web_client import API_KEY

pytestmark = pytest.mark.integration


def test_a_reader_signs_in_and_comes_to_the_page_that_was_wanted(
    client: httpx.Client, provider: ProviderForTests, engine: Engine
) -> None:
    asked = client.get("/desk/series?q=a&lang=en")
    link = re.search(r'href="(/desk/sign-in[^"]*)"', asked.text)
    assert "Sign in with Example ID" in asked.text
    assert link is not None

    answer = client.get(link[1])

    assert answer.status_code == 200
    assert 'content="0; url=/desk/series?q=a&amp;lang=en"' in answer.text
    assert provider.asked["scope"] == "openid profile"
    assert client.get("/desk").status_code == 200
    assert client.get("/desk/subscriptions/new").status_code == 403
    [entry] = [row.deed for row in audit(engine) if row.deed.outcome == "done"]
    assert (entry.actor, entry.action) == (WHO, "GET /desk/sign-in/callback")
    assert entry.key_id is not None


def test_an_admin_may_write_and_the_log_names_who_did(
    client: httpx.Client, provider: ProviderForTests, engine: Engine
) -> None:
    provider.claims["groups"] = "desk-admins"  # one value need not be a list

    client.get("/desk/sign-in")

    assert client.get("/desk/subscriptions/new").status_code == 200
    client.post("/desk/subscriptions", data={"url": "https://127.0.0.1/hook"})
    assert audit(engine)[0].deed.actor == WHO


def test_the_session_is_for_the_server_alone_and_the_pages_stay_locked(
    client: httpx.Client,
) -> None:
    answer = client.get("/desk/sign-in")

    cookies = {each.split("=")[0]: each.lower() for each in answer.headers.get_list("set-cookie")}
    assert "httponly" in cookies[access.COOKIE]
    assert "samesite=strict" in cookies[access.COOKIE]
    assert f"max-age={access.LASTS_S}" in cookies[access.COOKIE]
    assert "max-age=0" in cookies[sign_in.COOKIE]
    for page in (answer, client.get("/desk/login")):
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src")
        assert "form-action 'self'" in page.headers["content-security-policy"]
        assert "style=" not in page.text
        assert "<script>" not in page.text


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/desk", "/desk\\evil", f"/desk?{'evil' * 999}"]
)
def test_a_sign_in_returns_to_the_desk_alone(client: httpx.Client, to: str) -> None:
    answer = client.get("/desk/sign-in", params={"to": to})

    assert 'content="0; url=/desk"' in answer.text
    assert "evil" not in answer.text


def test_the_way_back_is_that_of_the_settings(
    provider: ProviderForTests, database_url: str
) -> None:
    settings = with_oidc(provider.issuer, database_url=database_url)
    desk = settings.delivery.model_copy(update={"desk_url": "https://watch.example/desk"})
    with browser(settings.model_copy(update={"delivery": desk})) as client:
        began = client.get("/desk/sign-in", follow_redirects=False)

    [back] = parse_qs(urlsplit(began.headers["location"]).query)["redirect_uri"]
    assert back == "https://watch.example/desk/sign-in/callback"


def test_to_log_out_ends_the_session_wherever_its_cookie_is(
    client: httpx.Client, engine: Engine
) -> None:
    client.get("/desk/sign-in")
    stolen = {access.COOKIE: client.cookies[access.COOKIE]}

    client.post("/desk/logout")

    assert access.COOKIE not in client.cookies
    client.cookies.update(stolen)
    assert client.get("/desk").url.path == "/desk/login"
    newest = audit(engine)[0].deed
    assert (newest.actor, newest.action) == (WHO, "POST /desk/logout")


def test_to_log_out_leaves_the_key_of_a_session_alone(client: httpx.Client) -> None:
    sent = {"name": "desk", "scopes": ["read"]}
    bearer = {"Authorization": f"Bearer {API_KEY}"}
    key = client.post("/v1/keys", json=sent, headers=bearer).json()["key"]
    client.post("/desk/login", data={"key": key})

    client.post("/desk/logout")

    assert client.post("/desk/login", data={"key": key}).url.path == "/desk"


def test_a_session_ends_by_itself_and_when_it_is_revoked(
    client: httpx.Client, engine: Engine
) -> None:
    client.get("/desk/sign-in")
    with transaction(engine) as session:
        [row] = list_keys(session)
        over = datetime.now(UTC) - timedelta(minutes=1)
        session.execute(sa.update(api_keys).values(expires_at=over))
    assert row.expires_at is not None
    assert timedelta(hours=11) < row.expires_at - datetime.now(UTC) <= timedelta(hours=12)
    assert client.get("/desk").url.path == "/desk/login"

    client.get("/desk/sign-in")
    with transaction(engine) as session:
        [row] = list_keys(session)  # the one before is gone
        revoke_key(session, row.id)
    assert row.name == WHO
    assert client.get("/desk").url.path == "/desk/login"


def test_a_session_is_no_key_of_the_api(client: httpx.Client, engine: Engine) -> None:
    client.get("/desk/sign-in")
    with transaction(engine) as session:
        [row] = list_keys(session)

    for secret in ("", "x"):
        bearer = {"Authorization": f"Bearer tw_{row.id.hex}_{secret}"}
        assert client.get("/v1/alerts", headers=bearer).status_code == 401
