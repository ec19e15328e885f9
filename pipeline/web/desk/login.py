"""The login page, the login by API key, and the way out; the sign-in at a provider is apart."""

import time
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Cookie, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from db.audit import record
from db.engine import DatabaseAway, transaction
from db.keys import end_session
from pipeline.access import Principal, Scope
from pipeline.backoff import brief
from pipeline.schema import NotMigrated
from pipeline.web.auth import Gate, require
from pipeline.web.deeds import deed_of
from pipeline.web.desk import access
from pipeline.web.desk.forms import Form
from pipeline.web.desk.pages import render
from pipeline.web.problems import Problem
from pipeline.web.services import Services, ServicesOf

log = structlog.stdlib.get_logger(__name__)
router = APIRouter(include_in_schema=False)


def show(request: Request, to: str, *, status: int = 200, said: str | None = None) -> HTMLResponse:
    """Return the login page.

    Args:
        request: Whose answer it is.
        to: The page that was wanted.
        status: Of the answer.
        said: The catalogue's text on what went wrong.
    """
    provider = request.app.state.provider
    return render(request, "login.html", status=status, to=to, said=said, provider=provider)


@router.get("/desk/login")
def login_page(request: Request, to: str = "/desk") -> HTMLResponse:
    """Ask for the API key, or for a sign-in where there is one."""
    return show(request, access.safe_return(to))


@router.post("/desk/login", dependencies=[access.FromHere])
def log_in(request: Request, form: Form, services: ServicesOf) -> Response:
    """Begin a session for who has a key that may read."""
    to = access.safe_return(form.get("to", ""))
    gate: Gate = request.app.state.gate
    try:
        principal = gate.by_key(request, services, form.get("key", "").strip())
        require(principal, Scope.READ)
    except Problem as problem:
        if problem.status not in {401, 403}:
            raise
        return show(request, to, status=403, said="wrong_key")
    response = RedirectResponse(to, 303)
    access.give_session(response, request, principal.id)
    return response


@router.post("/desk/logout", dependencies=[access.FromHere])
def log_out(
    request: Request, services: ServicesOf, cookie: Annotated[str, Cookie(alias=access.COOKIE)] = ""
) -> Response:
    """End the session of this browser; one that began at a provider ends everywhere."""
    gate: Gate = request.app.state.gate
    session = access.session_of(cookie, gate.session_key(), now_s=time.time())
    if session is not None and session[0] is not None:
        _end(request, services, session[0])
    response = RedirectResponse("/desk/login", 303)
    response.delete_cookie(access.COOKIE, path="/desk")
    return response


def _end(request: Request, services: Services, key_id: UUID) -> None:
    """Remove a session that no key began, and record that; of a key nothing is changed."""
    try:
        services.schema.require()
        with transaction(services.engine) as session:
            who = end_session(session, key_id)
            if who is not None:
                request.state.principal = Principal(key_id, who, frozenset())
                record(session, deed_of(request, 303))
        request.state.is_recorded = True
    except (DatabaseAway, NotMigrated) as error:  # the browser is rid of it all the same
        log.warning("session_not_ended", key_id=str(key_id), error=brief(error))
