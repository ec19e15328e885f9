"""Errors of the desk as pages for people; programs, and the page's own script, get problems."""

import json
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.engine import DatabaseAway, ValueRefused
from pipeline.schema import NotMigrated
from pipeline.series import BadQuery, UnknownSeries
from pipeline.web.desk.pages import render
from pipeline.web.problems import Problem

_FAULTS = (
    Problem,
    HTTPException,
    RequestValidationError,
    UnknownSeries,
    BadQuery,
    ValueRefused,
    DatabaseAway,
    NotMigrated,
)
# What the catalogue has a heading for.
_KNOWN = frozenset({403, 404, 409, 429, 503})
_KEPT = ("retry-after", "www-authenticate")

Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Let the app answer browsers by pages; its problems are to be installed before."""
    for kind in _FAULTS:
        # All of them are coroutines (pipeline.web.problems).
        problem = cast("Handler", app.exception_handlers[kind])
        app.add_exception_handler(kind, _page_or(problem))


def _page_or(problem: Handler) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        told = await problem(request, error)
        wants_page = "text/html" in request.headers.get("accept", "")
        if not wants_page or not f"{request.url.path}/".startswith("/desk/"):
            return told
        status = told.status_code
        page = render(
            request,
            "fault.html",
            status=status,
            said=f"fault_{status if status in _KNOWN else 'other'}",
            detail=json.loads(bytes(told.body))["detail"],
            # A page that failed for want of the database comes by itself once that is back.
            is_live=status == 503 and request.method == "GET",
        )
        page.headers.update({name: told.headers[name] for name in _KEPT if name in told.headers})
        return page

    return answer
