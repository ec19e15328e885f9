"""Who may do what: every route but health asks for a key, and for its scope.

The key of the settings may do everything: it is there before the database is, and makes the
others.
"""

import hashlib
import hmac
import math
import time
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from db.engine import transaction
from db.keys import find_key, touch_key
from pipeline.access import Principal, Scope, is_secret_of, principal_of, split_key
from pipeline.runtime import SettingsError
from pipeline.settings import WebSettings
from pipeline.web.deeds import is_write
from pipeline.web.problems import Problem
from pipeline.web.rate_limit import RateLimit
from pipeline.web.services import Services, ServicesOf

_OF_SETTINGS = Principal(None, "settings", frozenset({Scope.ADMIN}))

_bearer = HTTPBearer(
    auto_error=False, description="A key of `tapewatch keys create`, or that of the settings."
)


def require_api_key_setting(settings: WebSettings) -> str:
    """Return the key that callers may always send; raises SettingsError if there is none."""
    if settings.api_key is None:
        raise SettingsError(
            "TAPEWATCH_WEB__API_KEY is not set: it is the first key of the API; set a "
            "long random value, such as what `openssl rand -hex 24` prints"
        )
    return settings.api_key.get_secret_value()


class Gate:
    """Knows callers by their keys and counts their requests; threads share it.

    Args:
        settings: With an API key, and the limits.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._api_key = require_api_key_setting(settings).encode()
        self._known = RateLimit(settings.max_requests_per_min)
        self._unknown = RateLimit(settings.max_refused_per_min)
        self._begun = RateLimit(settings.max_refused_per_min)

    def session_key(self) -> bytes:
        """Return what signs the sessions of browsers; another API key makes another one."""
        return hashlib.sha256(b"tapewatch desk session\0" + self._api_key).digest()

    def by_key(self, request: Request, services: Services, key: str) -> Principal:
        """Return who sends a key, and count the request.

        Raises:
            Problem: 401 for a wrong key, 429 for too many requests.
            db.engine.DatabaseAway: If it cannot be looked up.
        """
        # Constant time, whatever the lengths and characters.
        if hmac.compare_digest(key.encode(), self._api_key):
            return self._let_in(request, _OF_SETTINGS)
        parts = split_key(key)
        found = None if parts is None else _look_up(services, parts[0], secret=parts[1])
        if found is None:
            self.count_refusal(request)
            raise Problem(
                401,
                "send an API key as `Authorization: Bearer KEY`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return self._let_in(request, found)

    def by_id(self, request: Request, services: Services, key_id: UUID | None) -> Principal | None:
        """Return who a session began for, and count the request; None if the key has ended.

        Raises as ``by_key`` does, but for 401.
        """
        found = _OF_SETTINGS if key_id is None else _look_up(services, key_id)
        return None if found is None else self._let_in(request, found)

    def _let_in(self, request: Request, principal: Principal) -> Principal:
        request.state.principal = principal
        over, wait_s = self._known.excess(principal.id, now_s=time.monotonic())
        if over:
            raise _too_many(request, over, wait_s)
        return principal

    def count_refusal(self, request: Request) -> None:
        """Raise the Problem 429 if the address was refused too often: it fills no log."""
        _count_address(request, self._unknown)

    def count_sign_in(self, request: Request) -> None:
        """Raise the Problem 429 if the address begins to sign in too often.

        Each time makes us ask the provider.
        """
        _count_address(request, self._begun)


def _count_address(request: Request, limit: RateLimit) -> None:
    address = request.client.host if request.client else ""
    over, wait_s = limit.excess(address, now_s=time.monotonic())
    if over:
        raise _too_many(request, over, wait_s)


def _look_up(services: Services, key_id: UUID, *, secret: str | None = None) -> Principal | None:
    services.schema.require()
    with transaction(services.engine) as session:
        row = find_key(session, key_id)
        if row is None or (secret is not None and not is_secret_of(row, secret)):
            return None
        principal = principal_of(row, now=datetime.now(UTC))
        if principal is not None:
            touch_key(session, key_id)
        return principal


def still_holds(services: Services, principal: Principal) -> bool:
    """Tell whether the key behind an open stream has neither been revoked nor expired."""
    return principal.id is None or _look_up(services, principal.id) is not None


def _too_many(request: Request, over: int, wait_s: float) -> Problem:
    request.state.is_repeated = over > 1
    return Problem(
        429, "too many requests; wait", headers={"Retry-After": str(max(1, math.ceil(wait_s)))}
    )


def require(principal: Principal, scope: Scope) -> None:
    """Return if the scope is granted; else raise the Problem 403."""
    if not principal.may(scope):
        raise Problem(403, f"this key lacks the scope {scope.value}")


def may(request: Request, scope: Scope) -> bool:
    """Tell whether who sent a request has the scope; nobody has one before the key is known."""
    principal: Principal | None = getattr(request.state, "principal", None)
    return principal is not None and principal.may(scope)


def scope_of_method(request: Request) -> Scope:
    """Return what a request needs unless its route says otherwise: to write needs ADMIN."""
    return Scope.ADMIN if is_write(request) else Scope.READ


class _Needs:
    """A dependency that lets a request pass if its key has the scope.

    Args:
        scope: None: READ to read, ADMIN for all else.
    """

    def __init__(self, scope: Scope | None = None) -> None:
        self._scope = scope

    def __call__(
        self,
        request: Request,
        services: ServicesOf,
        given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> None:
        """Raise the Problem 401, 403 or 429 if it may not pass."""
        gate: Gate = request.app.state.gate
        principal = gate.by_key(request, services, "" if given is None else given.credentials)
        require(principal, self._scope or scope_of_method(request))


ByMethod = Depends(_Needs())
Ingest = Depends(_Needs(Scope.INGEST))
Admin = Depends(_Needs(Scope.ADMIN))
