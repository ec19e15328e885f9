"""The sign-in of people at an OpenID provider: there, back, and a session like that of a key.

What ties both ways together lies in a cookie of the browser's own, encrypted, for ten minutes. It
is SameSite=Lax, for the way back begins at the provider; the session's own stays Strict.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import structlog
from cryptography.fernet import Fernet, InvalidToken
from fastapi import APIRouter, Cookie, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from db.audit import record
from db.engine import DatabaseAway, transaction
from db.keys import KeyRow, create_key, remove_ended_sessions
from pipeline.access import Principal
from pipeline.backoff import brief
from pipeline.schema import NotMigrated
from pipeline.settings import Settings
from pipeline.web.auth import Gate
from pipeline.web.deeds import deed_of
from pipeline.web.desk import access, login
from pipeline.web.desk.pages import render
from pipeline.web.oidc import Attempt, Fault, Provider, SignInFailed, granted, identity
from pipeline.web.services import Services, ServicesOf

log = structlog.stdlib.get_logger(__name__)
router = APIRouter(prefix="/desk/sign-in", include_in_schema=False)

COOKIE = "tapewatch_sign_in"
LASTS_S = 600
_PATH = "/desk/sign-in"
_MAX_CODE = 4096
# A browser keeps no cookie of more than 4 KB.
_MAX_RETURN = 1000

Text = Annotated[str, Query(max_length=_MAX_CODE)]


@router.get("")
async def leave(request: Request, services: ServicesOf, to: str = "/desk") -> Response:
    """Send the browser to the provider."""
    gate: Gate = request.app.state.gate
    provider: Provider = request.app.state.provider
    gate.count_sign_in(request)
    attempt, to = Attempt(), access.safe_return(to if len(to) <= _MAX_RETURN else "")
    try:
        address = await provider.address(attempt, back=_back(request, services.settings))
    except SignInFailed as failed:
        return _failed(request, failed, to)
    response = RedirectResponse(address, 303)
    response.set_cookie(
        COOKIE,
        seal(attempt, to, gate.session_key(), now_s=time.time()),
        max_age=LASTS_S,
        path=_PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/callback")
async def come_back(
    request: Request,
    services: ServicesOf,
    state: Text = "",
    code: Text = "",
    error: Text = "",
    cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Response:
    """Begin a session for whom the provider sent back, if its answer holds and maps to a scope."""
    gate: Gate = request.app.state.gate
    began = unseal(cookie, gate.session_key(), now_s=time.time())
    to = "/desk" if began is None else began[1]
    try:
        attempt = _attempt_of(began, state=state)
        claims = await _claims(request, services, attempt, code=code, error=error)
        key_id = await run_in_threadpool(_stored, request, services, claims)
    except SignInFailed as failed:
        response = _failed(request, failed, to)
    else:
        response = render(request, "signed_in.html", to=to)
        access.give_session(response, request, key_id)
    response.delete_cookie(COOKIE, path=_PATH)
    return response


def _attempt_of(began: tuple[Attempt, str] | None, *, state: str) -> Attempt:
    if began is None or not hmac.compare_digest(state.encode(), began[0].state.encode()):
        raise SignInFailed(Fault.LOST, "the state is not that of this browser")
    return began[0]


async def _claims(
    request: Request, services: Services, attempt: Attempt, *, code: str, error: str
) -> dict[str, Any]:
    if error or not code:
        raise SignInFailed(Fault.DECLINED, f"the provider says {error[:100]!r}")
    provider: Provider = request.app.state.provider
    return await provider.claims(attempt, code, back=_back(request, services.settings))


def seal(attempt: Attempt, to: str, session_key: bytes, *, now_s: float) -> str:
    """Return the cookie that an attempt to sign in leaves with the browser."""
    content = json.dumps([*astuple(attempt), to]).encode()
    return _fernet(session_key).encrypt_at_time(content, int(now_s)).decode()


def unseal(cookie: str, session_key: bytes, *, now_s: float) -> tuple[Attempt, str] | None:
    """Return an attempt and the page that was wanted; None if it is over, or none of ours."""
    try:
        content = _fernet(session_key).decrypt_at_time(cookie.encode(), LASTS_S, int(now_s))
    except InvalidToken:
        return None
    state, nonce, verifier, to = json.loads(content)
    return Attempt(state, nonce, verifier), access.safe_return(to)


def _fernet(session_key: bytes) -> Fernet:
    derived = hmac.new(session_key, b"tapewatch sign-in", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(derived))


def _back(request: Request, settings: Settings) -> str:
    """Return the address that the provider sends browsers back to; it is registered there."""
    desk = settings.delivery.desk_url or str(request.base_url.replace(path="/desk"))
    return f"{desk.rstrip('/')}/sign-in/callback"


def _stored(request: Request, services: Services, claims: dict[str, Any]) -> UUID:
    try:
        return _begin(request, services, claims)
    except (DatabaseAway, NotMigrated) as error:
        # Not the usual page, which asks again by itself: the code is spent.
        raise SignInFailed(Fault.LATER, brief(error)) from error


def _begin(request: Request, services: Services, claims: dict[str, Any]) -> UUID:
    """Store a session, and that it began; raises SignInFailed for who has no access."""
    who = identity(claims)
    scope = granted(claims, services.settings.web.oidc)
    if scope is None:
        request.state.principal = Principal(None, who, frozenset())  # for the audit log
        raise SignInFailed(Fault.NO_ACCESS, "no value of the claim is mapped")
    ends = datetime.now(UTC) + timedelta(seconds=access.LASTS_S)
    row = KeyRow(uuid4(), who, digest=b"", scopes=(scope.value,), expires_at=ends)
    request.state.principal = Principal(row.id, who, frozenset({scope}))
    services.schema.require()
    with transaction(services.engine) as session:
        remove_ended_sessions(session)
        create_key(session, row)
        record(session, deed_of(request, 200))
    return row.id


def _failed(request: Request, failed: SignInFailed, to: str) -> Response:
    """Return the login page that says why; a refusal counts, and is in the audit log."""
    if failed.fault in {Fault.AWAY, Fault.LATER}:
        log.warning("sign_in_failed", fault=failed.fault, reason=str(failed))
        return login.show(request, to, status=503, said=failed.fault)
    gate: Gate = request.app.state.gate
    gate.count_refusal(request)  # before the log, which nobody may fill
    log.warning("sign_in_failed", fault=failed.fault, reason=str(failed))
    return login.show(request, to, status=403, said=failed.fault)
