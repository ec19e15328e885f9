"""The parts of the sign-in that ask nobody: settings, the cookie, and what a claim maps to."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.access import Scope
from pipeline.catalogue import catalogue
from pipeline.oidc_settings import OidcSettings
from pipeline.settings import Settings
from pipeline.web.desk import sign_in
from pipeline.web.oidc import Attempt, Fault, Provider, granted, identity

CLIENT = {"client_id": "tapewatch", "client_secret": "of the tests"}
MAPPED = OidcSettings(read_values=("desk", "both"), admin_values=("boss", "both"))


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example/realms/desk",
        "http://127.0.0.1:8080",
        "http://localhost/realms/desk",
        "http://[::1]:8080",
    ],
)
def test_an_issuer_is_https_or_on_loopback(issuer: str) -> None:
    assert Provider(OidcSettings.model_validate(CLIENT | {"issuer": issuer})).name


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "https://user:password@id.example",
        "id.example",
        "",
    ],
)
def test_any_other_issuer_is_refused(issuer: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        OidcSettings.model_validate(CLIENT | {"issuer": issuer})


@pytest.mark.parametrize("left_out", ["issuer", "client_id", "client_secret"])
def test_issuer_client_and_secret_go_together(left_out: str) -> None:
    told = {"issuer": "https://id.example", **CLIENT}
    del told[left_out]

    with pytest.raises(ValidationError, match="go together"):
        OidcSettings.model_validate(told)


def test_scopes_without_openid_are_refused() -> None:
    with pytest.raises(ValidationError, match="must hold openid"):
        OidcSettings(scopes="profile groups")


def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "TAPEWATCH_WEB__OIDC__"
    monkeypatch.setenv(f"{prefix}ISSUER", "https://id.example/realms/desk")
    monkeypatch.setenv(f"{prefix}CLIENT_ID", "tapewatch")
    monkeypatch.setenv(f"{prefix}CLIENT_SECRET", "of the tests")
    monkeypatch.setenv(f"{prefix}ADMIN_VALUES", '["cn=desk,ou=groups", "boss"]')

    settings = Settings().web.oidc

    assert settings.admin_values == ("cn=desk,ou=groups", "boss")
    assert "of the tests" not in repr(settings)
    assert Provider(settings).name == "id.example"


@pytest.mark.parametrize(
    ("told", "scope"),
    [
        (["desk"], Scope.READ),
        ("desk", Scope.READ),
        (["other", "boss"], Scope.ADMIN),
        (["desk", "boss"], Scope.ADMIN),
        (["both"], Scope.ADMIN),
        (["Desk", "desk "], None),
        ("desk boss", None),
        ({"desk": 1}, None),
        ([["desk"], 1, None, {}], None),
        (None, None),
    ],
)
def test_a_claim_grants_the_most_that_one_of_its_values_is_mapped_to(
    told: object, scope: Scope | None
) -> None:
    assert granted({"groups": told}, MAPPED) is scope


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_without_a_mapping_nobody_may_do_anything(claims: dict[str, Any]) -> None:
    assert granted(claims, OidcSettings()) is None


def test_an_identity_begins_with_what_the_provider_gives_to_nobody_else() -> None:
    assert identity({"sub": "1", "preferred_username": "ada"}) == "oidc:1 (ada)"
    assert identity({"sub": "settings"}) == "oidc:settings"
    assert identity({"sub": "1", "preferred_username": "a\x00\x1b[31m\u202eb"}) == "oidc:1 (a[31mb)"
    assert len(identity({"sub": "1" * 255, "preferred_username": "a" * 999})) == 200


def test_an_attempt_comes_back_from_its_cookie_for_ten_minutes_and_under_its_key_alone() -> None:
    attempt = Attempt()
    cookie = sign_in.seal(attempt, "/desk/series", b"key", now_s=1000)

    assert sign_in.unseal(cookie, b"key", now_s=1000) == (attempt, "/desk/series")
    assert sign_in.unseal(cookie, b"key", now_s=1001 + sign_in.LASTS_S) is None
    assert sign_in.unseal(cookie, b"another", now_s=1000) is None
    for secret in (attempt.state, attempt.nonce, attempt.verifier):
        assert secret not in cookie


@pytest.mark.parametrize("cookie", ["", "x", "½.ü", "gAAAAA=="])
def test_a_forged_cookie_is_no_attempt(cookie: str) -> None:
    assert sign_in.unseal(cookie, b"key", now_s=1000) is None


def test_attempts_share_nothing_and_show_no_verifier() -> None:
    attempt, other = Attempt(), Attempt()

    told = {attempt.state, attempt.nonce, attempt.verifier, attempt.challenge(), other.verifier}
    assert len(told) == 5
    # RFC 7636: 43 to 128 of these characters.
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", attempt.verifier)


def test_the_challenge_is_that_of_the_standard() -> None:
    """Reference: RFC 7636, appendix B."""
    attempt = Attempt(verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert attempt.challenge() == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_every_fault_has_a_text() -> None:
    assert {fault.value for fault in Fault} <= set(catalogue())
