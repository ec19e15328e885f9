"""Records every refused access, and every write that its own transaction has not recorded.

A write that works in the database is recorded together with what it does
(``pipeline.web.services``): none is done unrecorded. All else is recorded once it is answered.
"""

from dataclasses import asdict

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.audit import Deed, record
from db.engine import DatabaseAway, transaction
from pipeline.backoff import brief
from pipeline.schema import NotMigrated
from pipeline.web.deeds import deed_of, is_of_interest
from pipeline.web.services import Services

log = structlog.stdlib.get_logger(__name__)


class Audit:
    """Wraps an app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record it if it is of interest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})  # shared with the routes
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            request = Request(scope)
            if is_of_interest(request, status):
                await run_in_threadpool(
                    _write, request.app.state.services, deed_of(request, status)
                )


def _write(services: Services, deed: Deed) -> None:
    try:
        services.schema.require()
        with transaction(services.engine) as session:
            record(session, deed)
    except (DatabaseAway, NotMigrated) as error:
        # The process' own log is what is left; what is pushed goes to the broker all the same.
        told = {name: str(value) for name, value in asdict(deed).items()}
        log.warning("audit_not_stored", error=brief(error), **told)
