"""Renders the desk's pages in the language and theme that a reader gets."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pipeline.access import Scope
from pipeline.catalogue import say
from pipeline.figures import figure, tell_end
from pipeline.web.auth import may
from pipeline.web.desk import language

_THEMES = ("auto", "light", "dark")
_KEEP_S = 365 * 24 * 3600


class Refused(Exception):
    """A form that was not taken: ``page`` says why, and nothing of it was done."""

    def __init__(self, page: HTMLResponse) -> None:
        super().__init__()
        self.page = page


def moment(at: datetime) -> str:
    """Return a time as people read it; UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def percent(share: float | None) -> str:
    """Return a share in whole per cent; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.0f} %"


def points(change: float | None) -> str:
    """Return a change of share in signed percentage points; a dash where there is none."""
    return "–" if change is None else f"{100 * change:+.0f}"


def signed(score: float) -> str:
    """Return a score with its sign and two digits; what rounds to zero is +0.00."""
    return f"{score:+z.2f}"


def duration(span: timedelta) -> str:
    """Return a length of time in its largest two units."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def series_address(kind: str, scope_id: str, **query: str) -> str:
    """Return the address of a series' page."""
    address = f"/desk/series/{kind}/{quote(scope_id, safe='')}"
    return f"{address}?{urlencode(query)}" if query else address


def item_address(item_id: str) -> str:
    """Return the address of an item's page."""
    return f"/desk/items/{quote(item_id, safe='')}"


def why_address(item_id: str, **query: str) -> str:
    """Return the address of the page that says why an item was called what it was."""
    return f"/desk/why?{urlencode({'item': item_id} | query)}"


def web_link(url: str | None) -> str | None:
    """Return an item's URL if a browser may follow it: http and https alone."""
    return url if url and url.lower().startswith(("http://", "https://")) else None


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page in the reader's language and theme.

    ``?lang`` and ``?theme`` choose them for good: a cookie keeps each.
    """
    asked = {name: request.query_params.get(name) for name in ("lang", "theme")}
    spoken = language.choose(
        asked=asked["lang"],
        kept=request.cookies.get("lang"),
        accepted=request.headers.get("accept-language", ""),
    )
    theme = next(
        (wish for wish in (asked["theme"], request.cookies.get("theme")) if wish in _THEMES), "auto"
    )
    content = _environment.get_template(template).render(
        t=partial(say, spoken),
        tell_end=partial(tell_end, spoken),
        lang=spoken,
        theme=theme,
        here=_here(request),
        page=request.url.path,
        # Whether the session's key may do what the page's forms would.
        may_write=may(request, Scope.ADMIN),
        **values,
    )
    response = HTMLResponse(content, status)
    for name, value in (("lang", spoken), ("theme", theme)):
        if asked[name] == value:
            response.set_cookie(
                name, value, max_age=_KEEP_S, path="/desk", httponly=True, samesite="strict"
            )
    return response


def _here(request: Request) -> Callable[..., str]:
    """Return what gives the address of this page with other query parameters.

    What a form, or a provider, was answered to is no page: from there it leads to the first one.
    """
    is_page = request.method == "GET" and not request.url.path.startswith("/desk/sign-in")
    path = request.url.path if is_page else "/desk"
    asked = request.query_params if is_page else {}

    def here(**changes: str) -> str:
        query = {**asked, **changes}
        return f"{path}?{urlencode(query)}"

    return here


_environment = Environment(
    loader=PackageLoader("pipeline.web.desk"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "moment": moment,
    "percent": percent,
    "points": points,
    "signed": signed,
    "duration": duration,
    "figure": figure,
    "web_link": web_link,
    "shell_word": shlex.quote,
}
_environment.globals |= {
    "series_address": series_address,
    "item_address": item_address,
    "why_address": why_address,
}
