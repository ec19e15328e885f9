"""The sign-in of people at an OpenID provider: what lets nobody in, and what is told then."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from db.engine import Engine
from pipeline.web.desk import access, sign_in
from tests.integration.sign_in.desk import WHO, assert_nobody_is_in, browser, refused, with_oidc
from tests.integration.sign_in.oidc_provider import (
    ANOTHER_KEY,
    ProviderForTests,
    provider_for_tests,
)
from tests.integration.web_client import API_KEY, web_settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("groups", [None, [], ["staff"], "", {"desk-readers": True}, 7])
def test_nobody_gets_in_whose_groups_are_not_mapped(
    client: httpx.Client, provider: ProviderForTests, engine: Engine, groups: object
) -> None:
    provider.claims["groups"] = groups

    answer = client.get("/desk/sign-in", headers={"Accept-Language": "zh"})

    assert "您没有访问权限" in answer.text
    assert_nobody_is_in(client, answer, 403)
    entry = refused(engine).deed
    assert (entry.actor, entry.status) == (WHO, 403)


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "of another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_that_claims_something_else_lets_nobody_in(
    client: httpx.Client, provider: ProviderForTests, engine: Engine, lie: dict[str, object]
) -> None:
    provider.claims |= lie

    answer = client.get("/desk/sign-in")

    assert "did not pass the checks" in answer.text
    assert_nobody_is_in(client, answer, 403)
    assert refused(engine).deed.actor == ""  # who it claims to be is not told as if it were so


@pytest.mark.parametrize("algorithm", ["RS256", "HS256", "none"])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    client: httpx.Client, provider: ProviderForTests, algorithm: str
) -> None:
    provider.algorithm, provider.key = algorithm, ANOTHER_KEY

    assert_nobody_is_in(client, client.get("/desk/sign-in"), 403)


def test_an_answer_without_the_state_of_this_browser_lets_nobody_in(
    client: httpx.Client, provider: ProviderForTests
) -> None:
    for state in ("", "?code=x", "?code=x&state=", "?code=x&state=guessed"):
        assert_nobody_is_in(client, client.get(f"/desk/sign-in/callback{state}"), 403)

    began = client.get("/desk/sign-in", follow_redirects=False)
    other = client.get(f"/desk/sign-in/callback?state=guessed&code={provider.code_for({})}")

    assert began.status_code == 303
    assert "not begun in this browser" in other.text
    assert_nobody_is_in(client, other, 403)


def test_an_answer_that_another_browser_began_lets_nobody_in(
    client: httpx.Client, provider: ProviderForTests
) -> None:
    began = client.get("/desk/sign-in", follow_redirects=False)
    back = httpx.get(began.headers["location"], timeout=60).headers["location"]
    client.cookies.clear()

    assert_nobody_is_in(client, client.get(back), 403)
    assert len(provider.codes) == 1  # it was not even asked for a token


def test_an_answer_that_comes_again_lets_nobody_in(client: httpx.Client) -> None:
    began = client.get("/desk/sign-in", follow_redirects=False)
    kept = client.cookies[sign_in.COOKIE]
    back = httpx.get(began.headers["location"], timeout=60).headers["location"]
    client.get(back)
    client.cookies.clear()
    client.cookies.set(sign_in.COOKIE, kept)

    again = client.get(back)

    assert again.status_code == 403
    assert "did not let you in" in again.text
    assert access.COOKIE not in client.cookies


def test_a_provider_that_says_no_is_told(client: httpx.Client, provider: ProviderForTests) -> None:
    provider.error = "access_denied"

    answer = client.get("/desk/sign-in")

    assert "did not let you in" in answer.text
    assert_nobody_is_in(client, answer, 403)


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://provider.example/token"},
        {"jwks_uri": None},
    ],
    ids=str,
)
def test_a_configuration_that_does_not_fit_sends_nobody_anywhere(
    client: httpx.Client, provider: ProviderForTests, told: dict[str, object]
) -> None:
    provider.metadata |= told

    answer = client.get("/desk/sign-in")

    assert provider.asked == {}
    assert_nobody_is_in(client, answer, 503)


def test_a_provider_that_is_down_is_told_and_keys_still_work(database_url: str) -> None:
    with provider_for_tests() as provider:
        settings = with_oidc(provider.issuer, database_url=database_url)
    with browser(settings) as client:
        answer = client.get("/desk/sign-in")

        assert "cannot be reached" in answer.text
        assert_nobody_is_in(client, answer, 503)
        assert client.post("/desk/login", data={"key": API_KEY}).status_code == 200
        assert client.get("/desk").url.path == "/desk"


def test_a_provider_that_goes_down_meanwhile_is_told(database_url: str) -> None:
    with provider_for_tests() as provider:
        settings = with_oidc(provider.issuer, database_url=database_url)
        with browser(settings) as client:
            began = client.get("/desk/sign-in", follow_redirects=False)
            state = parse_qs(urlsplit(began.headers["location"]).query)["state"][0]
            provider.metadata["jwks_uri"] = "http://127.0.0.1:1/keys"

            answer = client.get(f"/desk/sign-in/callback?code=x&state={state}")

            assert "cannot be reached" in answer.text
            assert_nobody_is_in(client, answer, 503)


def test_a_database_that_is_away_is_told(provider: ProviderForTests) -> None:
    with browser(with_oidc(provider.issuer, database_url=None)) as client:
        answer = client.get("/desk/sign-in")

    assert answer.status_code == 503
    assert "The database is away" in answer.text
    assert access.COOKIE not in client.cookies


def test_it_is_off_by_default(database_url: str) -> None:
    with browser(web_settings(database_url=database_url)) as client:
        assert "/desk/sign-in" not in client.get("/desk/login").text
        for path in ("/desk/sign-in", "/desk/sign-in/callback?code=x&state=y"):
            assert client.get(path).status_code == 404


def test_to_begin_without_end_is_held_off(provider: ProviderForTests, database_url: str) -> None:
    settings = with_oidc(provider.issuer, database_url=database_url, max_refused_per_min=2)
    with browser(settings) as client:
        began = [client.get("/desk/sign-in").status_code for _ in range(3)]
        back = [client.get("/desk/sign-in/callback").status_code for _ in range(3)]

    assert began == [200, 200, 429]
    assert back == [403, 403, 429]
