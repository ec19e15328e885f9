"""A browser's way in: the API key once, then a signed cookie that no script can read.

The cookie holds nothing but when it ends, under a key derived from the API key: who changes the
API key ends every session.
"""

import hashlib
import hmac
import time
from typing import Annotated
from urllib.parse import quote

from fastapi import Cookie, Depends, Request

COOKIE = "tapewatch_desk"
LASTS_S = 12 * 3600


class LoginNeeded(Exception):
    """The request carries no session; ``to`` is the address of the login page."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


def key_fits(offered: str, api_key: str) -> bool:
    """Compare in constant time, whatever the lengths and characters."""
    return hmac.compare_digest(offered.encode(), api_key.encode())


def new_session(api_key: str, *, now_s: float) -> str:
    """Return the cookie of a session that begins now."""
    ends = str(int(now_s) + LASTS_S)
    return f"{ends}.{_signature(ends, api_key)}"


def session_holds(cookie: str, api_key: str, *, now_s: float) -> bool:
    """Tell whether the cookie is ours and has not ended."""
    ends, _, signature = cookie.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(ends, api_key).encode()):
        return False
    return int(ends) > now_s


def safe_return(to: str) -> str:
    """Return ``to`` if it is a page of the desk, else the desk's first page."""
    inside = to == "/desk" or to.startswith(("/desk/", "/desk?"))
    return to if inside and to.isprintable() and "\\" not in to else "/desk"


def require_session(request: Request, cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> None:
    """Let the request pass if it carries a session; else raise LoginNeeded."""
    if session_holds(cookie, request.app.state.api_key, now_s=time.time()):
        return
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    raise LoginNeeded(f"/desk/login?to={quote(asked)}")


LoggedIn = Depends(require_session)


def _signature(ends: str, api_key: str) -> str:
    key = hashlib.sha256(b"tapewatch desk session\0" + api_key.encode()).digest()
    return hmac.new(key, ends.encode(), hashlib.sha256).hexdigest()
