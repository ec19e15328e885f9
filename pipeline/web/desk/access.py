"""A browser's way in: an API key or a sign-in, then a signed cookie that no script can read.

The cookie holds when it ends and whose key began it; each request looks the key up again. So a
session ends with its key, and who changes the key of the settings ends every session. A sign-in
makes a row among the keys that stands for the session alone.
"""

import hashlib
import hmac
import time
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Cookie, Depends, Request
from starlette.responses import Response

from pipeline.web.auth import Gate, require, scope_of_method
from pipeline.web.deeds import is_write
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf

COOKIE = "tapewatch_desk"
LASTS_S = 12 * 3600
_PARTS_OF_PAGE = 4  # "", "desk", which pages, which of them


class LoginNeeded(Exception):
    """The request carries no session; ``to`` is the address of the login page."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


def new_session(session_key: bytes, key_id: UUID | None, *, now_s: float) -> str:
    """Return the cookie of a session that an API key begins now.

    Args:
        session_key: Signs the cookie.
        key_id: Whose session; None for the key of the settings.
        now_s: The wall clock's time.
    """
    content = f"{int(now_s) + LASTS_S}.{'' if key_id is None else key_id.hex}"
    return f"{content}.{_signature(content, session_key)}"


def give_session(response: Response, request: Request, key_id: UUID | None) -> None:
    """Let a response begin the session of an API key."""
    gate: Gate = request.app.state.gate
    response.set_cookie(
        COOKIE,
        new_session(gate.session_key(), key_id, now_s=time.time()),
        max_age=LASTS_S,
        path="/desk",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def session_of(cookie: str, session_key: bytes, *, now_s: float) -> tuple[UUID | None] | None:
    """Return the id of the API key that began a session; None if the cookie is none of ours.

    The id is wrapped, for that of the settings' key is None.
    """
    content, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(content, session_key).encode()):
        return None
    ends, _, key_id = content.partition(".")
    if int(ends) <= now_s:
        return None
    return (UUID(hex=key_id) if key_id else None,)


def safe_return(to: str) -> str:
    """Return ``to`` if it is a page of the desk, else the desk's first page."""
    inside = to == "/desk" or to.startswith(("/desk/", "/desk?"))
    return to if inside and to.isprintable() and "\\" not in to else "/desk"


def require_own_page(request: Request) -> None:
    """Let a form pass that one of our own pages sent; else raise the Problem 403, or 429.

    The cookie is SameSite=Strict already; this also holds for the login, which has none yet.
    """
    if not is_write(request):
        return
    site = request.headers.get("sec-fetch-site", "same-origin")
    # "null" is what a page that hides its address sends, as all of ours do.
    origin = request.headers.get("origin", "null")
    is_ours = origin == "null" or origin.partition("://")[2] == request.headers.get("host")
    if site not in {"same-origin", "none"} or not is_ours:
        gate: Gate = request.app.state.gate
        gate.count_refusal(request)
        raise Problem(403, "the form was sent by a page of another site")


def require_session(
    request: Request, services: ServicesOf, cookie: Annotated[str, Cookie(alias=COOKIE)] = ""
) -> None:
    """Let the request pass if its session's key lives and may do it.

    Raises LoginNeeded without a session, and the Problem 403 or 429 as ``pipeline.web.auth``.
    """
    gate: Gate = request.app.state.gate
    session = session_of(cookie, gate.session_key(), now_s=time.time())
    principal = None if session is None else gate.by_id(request, services, session[0])
    if principal is None:
        raise LoginNeeded(f"/desk/login?to={quote(_page_of(request))}")
    require(principal, scope_of_method(request))


FromHere = Depends(require_own_page)
LoggedIn = Depends(require_session)


def _page_of(request: Request) -> str:
    """Return the address of the page that was asked for; of a form, that of what it is about.

    A form's own address is no page, and our pages do not say where a form stood: they send no
    Referer. ``/desk/alerts/ID/silence`` is about ``/desk/alerts/ID``.
    """
    path = request.url.path
    if is_write(request):
        return "/".join(path.split("/")[:_PARTS_OF_PAGE])
    return f"{path}?{request.url.query}" if request.url.query else path


def _signature(content: str, session_key: bytes) -> str:
    return hmac.new(session_key, content.encode(), hashlib.sha256).hexdigest()
