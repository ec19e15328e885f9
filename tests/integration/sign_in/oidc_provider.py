"""A small OpenID provider for tests: a server of its own on loopback, with keys of its own.

It checks what a client must send (redirect URI, secret, PKCE), signs real tokens, and lets a test
say what is in them, or how the provider lies.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request
from fastapi.param_functions import Depends
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.desk_server import serving_app

CLIENT_ID = "tapewatch"
CLIENT_SECRET = "k3pt+by/both of us"  # with what has to be escaped in a header
SUBJECT = "248289761001"
KEY = RSAKey.generate_key(2048, {"kid": "of the provider"})
ANOTHER_KEY = RSAKey.generate_key(2048, {"kid": "of the provider"})


@dataclass
class ProviderForTests:
    """What the provider says of whoever comes, and what it was asked.

    Attributes:
        issuer: Its address, once it is served.
        claims: Put into each ID token, over what belongs there; None takes a claim out.
        algorithm: By which tokens are signed: RS256, HS256 or none.
        key: Signs them; the published one is always ``KEY``.
        page: Whether a person has to click on a page of the provider's own.
        error: Answered to the browser instead of a code.
        asked: The query of the newest authorization request.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: KEY)
    page: bool = False
    error: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return the configuration that clients discover."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.metadata

    def id_token(self, nonce: str) -> str:
        """Return a signed ID token."""
        now = int(time.time())
        told = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "preferred_username": "ada",
        } | self.claims
        claims = {name: value for name, value in told.items() if value is not None}
        if self.algorithm == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if self.algorithm == "HS256":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET))
        return jwt.encode({"alg": "RS256", "kid": KEY.kid}, claims, self.key)

    def code_for(self, query: Mapping[str, str]) -> str:
        """Return a code that one token is given for."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        return code

    def redeem(self, form: Mapping[str, str]) -> dict[str, str] | None:
        """Return what a code was given for, if the client proves that it asked; once."""
        began = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if began is None or began["code_challenge"] != challenge:
            return None
        return began if began["redirect_uri"] == form.get("redirect_uri") else None


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _app(provider: ProviderForTests) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return provider.described()

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        query = provider.asked = dict(request.query_params)
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        if provider.page and "clicked" not in query:
            link = f'<a href="?{request.url.query}&amp;clicked=1">Go on</a>'
            return HTMLResponse(f'<link rel="icon" href="data:,">{link}')
        answer = {"error": provider.error} if provider.error else {"code": provider.code_for(query)}
        return RedirectResponse(
            f"{query['redirect_uri']}?{urlencode(answer | {'state': query['state']})}", 302
        )

    @app.post("/token")
    async def token(
        request: Request, given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]
    ) -> Response:
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        login = {name: parse_qs(f"x={value}")["x"][0] for name, value in vars(given).items()}
        if login != {"username": CLIENT_ID, "password": CLIENT_SECRET}:
            return JSONResponse({"error": "invalid_client"}, 401)
        began = provider.redeem(form)
        if began is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        tokens = {"access_token": "opaque", "token_type": "Bearer"}
        return JSONResponse(tokens | {"id_token": provider.id_token(began["nonce"])})

    return app


@contextmanager
def provider_for_tests(host: str = "127.0.0.1") -> Iterator[ProviderForTests]:
    """Serve a provider on loopback in a thread; it is down after the block."""
    provider = ProviderForTests()
    with serving_app(_app(provider)) as port:
        provider.issuer = f"http://{host}:{port}"
        yield provider
