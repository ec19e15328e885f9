"""OpenID Connect: sends people to their provider, and reads who it says came back.

The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636). What a
person may do here is decided here as well; sessions are made by ``pipeline.web.desk.sign_in``.
Nothing of the provider is kept between two sign-ins, so new keys of it need no restart.
"""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError

from pipeline.access import Scope
from pipeline.backoff import brief
from pipeline.oidc_settings import GuardedUrl, OidcSettings

# For all that is asked of the provider in one step: a person waits for it.
_WAIT_S = 10.0
# How far the provider's clock may be from ours.
_LEEWAY_S = 60
# Of what a provider may list: signatures by a private key. "none" and HS256 are not among them.
_ALGORITHMS = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512))
_BASIC = "client_secret_basic"
_MAX_NAME_CHARS = 200


class Fault(StrEnum):
    """Why nobody was signed in; the catalogue has a text for each."""

    AWAY = "sign_in_away"
    LOST = "sign_in_lost"
    DECLINED = "sign_in_declined"
    INVALID = "sign_in_invalid"
    NO_ACCESS = "sign_in_no_access"
    LATER = "sign_in_later"


class SignInFailed(Exception):
    """Nobody was signed in; the text is for the log, and holds no token.

    Attributes:
        fault: What people are told.
    """

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


def _random() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What ties an answer of the provider to the browser that asked; each used once."""

    state: str = field(default_factory=_random)
    nonce: str = field(default_factory=_random)
    verifier: str = field(default_factory=_random)

    def challenge(self) -> str:
        """Return what PKCE shows the provider of the verifier at first (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class _Metadata(BaseModel):
    issuer: str
    authorization_endpoint: GuardedUrl
    token_endpoint: GuardedUrl
    jwks_uri: GuardedUrl
    token_endpoint_auth_methods_supported: tuple[str, ...] = (_BASIC,)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)


class _Tokens(BaseModel):
    id_token: str


class Provider:
    """The provider of the settings; connects to nothing until somebody signs in.

    Args:
        settings: With an issuer.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._issuer = settings.issuer or ""
        self._id = settings.client_id or ""
        secret = settings.client_secret
        self._secret = "" if secret is None else secret.get_secret_value()
        self.name = settings.name or urlsplit(self._issuer).hostname or ""

    async def address(self, attempt: Attempt, *, back: str) -> str:
        """Return where a browser is to be sent; ``back`` is the address it comes back to.

        Raises SignInFailed if the provider is away.
        """
        async with _asking() as client:
            metadata = await self._discover(client)
        query = {
            "response_type": "code",
            "client_id": self._id,
            "redirect_uri": back,
            "scope": self._settings.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge(),
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{mark}{urlencode(query)}"

    async def claims(self, attempt: Attempt, code: str, *, back: str) -> dict[str, Any]:
        """Return what the provider says, under its signature, of who came back with a code.

        Raises SignInFailed if it is away, or what it says does not hold.
        """
        async with _asking() as client:
            metadata = await self._discover(client)
            keys = await _get(client, metadata.jwks_uri)
            token = await self._redeem(client, metadata, attempt, code, back)
        algorithms = _ALGORITHMS & set(metadata.id_token_signing_alg_values_supported)
        if not algorithms:  # of none given, the library would take its own
            raise SignInFailed(Fault.INVALID, "the provider signs by no algorithm that we take")
        try:
            claims = jwt.decode(
                token,
                KeySet.import_key_set(keys),
                registry=JWSRegistry(algorithms=algorithms, strict_check_header=False),
            ).claims
            self._expected(attempt).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInFailed(Fault.INVALID, f"{type(error).__name__}: {error}") from error
        if claims.get("azp", self._id) != self._id:
            raise SignInFailed(Fault.INVALID, "the token was issued to another client (azp)")
        return claims

    def _expected(self, attempt: Attempt) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._id},
            nonce={"essential": True, "value": attempt.nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    async def _discover(self, client: httpx.AsyncClient) -> _Metadata:
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        told = await _get(client, address)
        try:
            metadata = _Metadata.model_validate(told)
        except ValidationError as error:
            wrong = ", ".join(str(each["loc"][0]) for each in error.errors())
            raise SignInFailed(Fault.AWAY, f"its configuration is wrong: {wrong}") from None
        if metadata.issuer != self._issuer:
            raise SignInFailed(Fault.AWAY, "its configuration names another issuer")
        return metadata

    async def _redeem(
        self, client: httpx.AsyncClient, metadata: _Metadata, attempt: Attempt, code: str, back: str
    ) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        if _BASIC in metadata.token_endpoint_auth_methods_supported:
            login = httpx.BasicAuth(quote_plus(self._id), quote_plus(self._secret))
            answer = await client.post(metadata.token_endpoint, data=form, auth=login)
        else:
            form |= {"client_id": self._id, "client_secret": self._secret}
            answer = await client.post(metadata.token_endpoint, data=form)
        if answer.is_client_error:
            raise SignInFailed(Fault.DECLINED, f"no token for the code: {answer.status_code}")
        try:
            return _Tokens.model_validate(_json(answer)).id_token
        except ValidationError:
            raise SignInFailed(Fault.INVALID, "there is no ID token in the answer") from None


@asynccontextmanager
async def _asking() -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client for one step; raises SignInFailed if the provider cannot be asked."""
    try:
        async with asyncio.timeout(_WAIT_S), httpx.AsyncClient(timeout=_WAIT_S) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise SignInFailed(Fault.AWAY, f"{type(error).__name__}: {brief(error)}") from error


async def _get(client: httpx.AsyncClient, address: str) -> Any:  # noqa: ANN401  # JSON
    return _json(await client.get(address))


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401
    answer.raise_for_status()
    try:
        return answer.json()
    except ValueError:
        raise SignInFailed(Fault.AWAY, f"{answer.url.path} is no JSON") from None


def granted(claims: Mapping[str, Any], settings: OidcSettings) -> Scope | None:
    """Return what a person may do by the mapping of the settings; None: nothing."""
    told = claims.get(settings.claim)
    values = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    if any(value in settings.admin_values for value in values):
        return Scope.ADMIN
    if any(value in settings.read_values for value in values):
        return Scope.READ
    return None


def identity(claims: Mapping[str, Any]) -> str:
    """Return who somebody is, for the audit log.

    The subject comes first: the provider gives it to nobody else, a user name it may.
    """
    user = claims.get("preferred_username")
    told = f"oidc:{claims['sub']}" + (f" ({user})" if isinstance(user, str) and user else "")
    return "".join(each for each in told if each.isprintable())[:_MAX_NAME_CHARS]
