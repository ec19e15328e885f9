"""Errors as problem details (RFC 9457), whatever part of the service they come from."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from db.engine import DatabaseAway, TooSlow, ValueRefused
from pipeline.backoff import brief
from pipeline.schema import NotMigrated
from pipeline.series import BadQuery, UnknownSeries
from pipeline.topics import BrokerAway
from pipeline.web.headers import headers_of

log = structlog.stdlib.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = "5"


class ProblemBody(BaseModel):
    """What every error answers (RFC 9457)."""

    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="For people.", examples=["there is no such alert"])
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="Where there are several: which field or item, and what is wrong."
    )


class Problem(Exception):
    """An error that the caller is told of; ``more`` are further members of the response."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.more = more
        self.headers = headers


def respond(
    status: int,
    detail: str,
    *,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response that says what went wrong."""
    content = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(
        content | dict(more or {}),
        status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnknownSeries, _unknown)
    app.add_exception_handler(BadQuery, _bad_query)
    app.add_exception_handler(ValueRefused, _refused)
    for away in (DatabaseAway, BrokerAway, NotMigrated):
        app.add_exception_handler(away, _away)
    app.add_exception_handler(Exception, _bug)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  # what it is registered for
    return respond(error.status, str(error), more=error.more, headers=error.headers)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
    return respond(error.status_code, error.detail, headers=error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # what it is registered for
    # Without the input: a secret may be in it.
    problems = [
        {"field": ".".join(str(part) for part in each["loc"][1:]), "problem": each["msg"]}
        for each in error.errors()
    ]
    return respond(422, "the request is not valid", more={"errors": jsonable_encoder(problems)})


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    return respond(404, str(error))


async def _bad_query(_: Request, error: Exception) -> JSONResponse:
    return respond(400, str(error))


async def _refused(_: Request, __: Exception) -> JSONResponse:
    return respond(422, "a text holds a NUL character, or a number is out of range")


async def _away(request: Request, error: Exception) -> JSONResponse:
    log.warning("request_failed", path=request.url.path, error=brief(error))
    what = {
        DatabaseAway: "the database is away",
        TooSlow: "the database is too slow",
        BrokerAway: "the broker is away",
    }
    kind = BrokerAway if isinstance(error, BrokerAway) else type(error)
    detail = what.get(kind, "the database is not migrated: run `tapewatch migrate`")
    return respond(503, f"{detail}; try again", headers={"Retry-After": _RETRY_AFTER_S})


async def _bug(request: Request, error: Exception) -> JSONResponse:
    # The server's error logger has the traceback; the caller gets none of it. This answer is
    # given outside of all that wraps the app.
    headers = headers_of(request.url.path, request.url.scheme)
    return respond(500, f"an error of the service ({type(error).__name__})", headers=headers)
