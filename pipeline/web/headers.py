"""Headers that lock every response: nothing from elsewhere, nothing inline, no frame around it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DESK = "/desk"
_DESK_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The API's answers are no pages: a browser that shows one loads nothing.
_API_POLICY = (
    "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HTTPS_ONLY = "max-age=31536000"


def headers_of(path: str, scheme: str) -> dict[str, str]:
    """Return the headers of whatever lies at a path."""
    is_page = path == _DESK or path.startswith(f"{_DESK}/")
    headers = {"Content-Security-Policy": _DESK_POLICY if is_page else _API_POLICY, **_HEADERS}
    return headers | ({"Strict-Transport-Security": _HTTPS_ONLY} if scheme == "https" else {})


class SecureHeaders:
    """Wraps an app; a header that the app sets itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and its response back with more headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def locked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in headers_of(scope["path"], scope["scheme"]).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, locked)
