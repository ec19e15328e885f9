"""Records every refused access, and every write that its own transaction has not recorded.

A write that works in the database is recorded together with what it does
(``pipeline.web.services``): none is done unrecorded. All else is recorded once it is answered.
"""

import asyncio
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

# So many of the threads that serve: while the database hangs, the others must not wait for it too.
_WRITERS = 2
# More is not kept in memory but told in the log.
_MOST_PENDING = 500


class Audit:
    """Wraps an app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._writers = asyncio.Semaphore(_WRITERS)
        self._pending = 0

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
                await self._record(request.app.state.services, deed_of(request, status))

    async def _record(self, services: Services, deed: Deed) -> None:
        if self._pending >= _MOST_PENDING:
            _tell(deed, "too many wait to be stored")
            return
        self._pending += 1
        try:
            async with self._writers:
                await run_in_threadpool(_write, services, deed)
        except asyncio.CancelledError:  # the process ends
            _tell(deed, "ended before it was stored")
            raise
        finally:
            self._pending -= 1


def _write(services: Services, deed: Deed) -> None:
    try:
        services.schema.require()
        with transaction(services.engine) as session:
            record(session, deed)
    except (DatabaseAway, NotMigrated) as error:
        _tell(deed, brief(error))


def _tell(deed: Deed, error: str) -> None:
    """Write to the process' own log, which is what is left."""
    told = {name: str(value) for name, value in asdict(deed).items()}
    log.warning("audit_not_stored", error=error, **told)
