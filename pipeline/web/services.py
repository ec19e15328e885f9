"""What the routes work with: opened with the app, closed with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Request

from db.audit import record
from db.engine import Engine, Session, transaction
from pipeline.ingest import Publisher
from pipeline.offsets import OffsetReader
from pipeline.runtime import build_engine, build_reader
from pipeline.schema import Schema
from pipeline.settings import Settings
from pipeline.web.deeds import deed_of, is_write
from pipeline.web.explaining import Explaining
from pipeline.web.following import Follower
from pipeline.web.readiness import Readiness

# A caller of the push endpoint waits at most so long for an absent broker.
_BROKER_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Services:
    """Connected to nothing until a request needs it; ``explaining`` is None if it is not wanted."""

    settings: Settings
    engine: Engine
    publisher: Publisher
    schema: Schema
    readiness: Readiness
    follower: Follower
    explaining: Explaining | None


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Build what the routes need, and close it at the end of the block."""
    engine = build_engine(settings)
    schema = Schema(settings.database.url.get_secret_value())
    follower = Follower(engine, most=settings.web.max_streams)
    try:
        with (
            Publisher(settings.kafka, wait_s=_BROKER_WAIT_S) as publisher,
            OffsetReader(settings.kafka) as offsets,
        ):
            readiness = Readiness(settings, engine=engine, schema=schema, offsets=offsets)
            explaining = (
                Explaining(partial(build_reader, settings)) if settings.web.explain else None
            )
            yield Services(settings, engine, publisher, schema, readiness, follower, explaining)
    finally:
        follower.stopping.set()
        engine.dispose()


def get_services(request: Request) -> Services:
    """Return the services of the app that serves this request."""
    services: Services = request.app.state.services
    return services


def get_session(
    request: Request, services: Annotated[Services, Depends(get_services)]
) -> Iterator[Session]:
    """Open a transaction on a migrated database; commits before the response is sent.

    What a write does is recorded in the audit log by the same transaction.
    """
    services.schema.require()
    with transaction(services.engine) as session:
        yield session
        if is_write(request):
            record(session, deed_of(request, request.scope["route"].status_code or 200))
    request.state.is_recorded = is_write(request)


ServicesOf = Annotated[Services, Depends(get_services)]
# Function scope: a commit that fails must become an error, not a success already sent.
SessionOf = Annotated[Session, Depends(get_session, scope="function")]
