"""The HTTP API as one app; building it connects to nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from pipeline.runtime import require_key
from pipeline.settings import Settings
from pipeline.web import (
    problems,
    routes_alerts,
    routes_audit,
    routes_deliveries,
    routes_health,
    routes_items,
    routes_judgements,
    routes_keys,
    routes_news,
    routes_stream,
    routes_subscriptions,
    routes_trends,
    routes_watchlists,
)
from pipeline.web.auditing import Audit
from pipeline.web.auth import Admin, ByMethod, Gate, Ingest
from pipeline.web.body_limit import BodyLimit
from pipeline.web.desk import routes as desk
from pipeline.web.headers import SecureHeaders
from pipeline.web.health_metrics import ChainMetrics
from pipeline.web.metrics import CountRequests
from pipeline.web.oidc import Provider
from pipeline.web.openapi import described
from pipeline.web.services import open_services

_DESCRIPTION = (
    "Push news, read alerts and trends, subscribe webhooks. Errors are RFC 9457 problems."
)


def create_app(settings: Settings) -> FastAPI:
    """Return the app; raises SettingsError without an API key, or if the secret key is no key."""
    gate = Gate(settings.web)
    if settings.secret_key is not None:
        require_key(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="tapewatch",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        # The interactive pages load scripts from elsewhere; the description itself is below.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.gate = gate
    oidc = settings.web.oidc
    app.state.provider = None if oidc.issuer is None else Provider(oidc)
    app.state.chain_metrics = ChainMetrics()
    problems.install(app)
    app.include_router(routes_health.router)
    by_method = (
        routes_stream,  # before the alert that would go by that name
        routes_alerts,
        routes_judgements,
        routes_news,
        routes_trends,
        routes_subscriptions,
        routes_watchlists,
        routes_deliveries,
    )
    for routes in by_method:
        app.include_router(routes.router, dependencies=[ByMethod])
    app.include_router(routes_items.router, dependencies=[Ingest])
    for routes in (routes_keys, routes_audit):
        app.include_router(routes.router, dependencies=[Admin])
    desk.install(app)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[ByMethod])
    def openapi() -> dict[str, Any]:
        return described(app)

    app.add_middleware(BodyLimit, max_bytes=settings.web.max_body_bytes)
    app.add_middleware(CountRequests)
    app.add_middleware(Audit)
    app.add_middleware(SecureHeaders)  # the outermost
    return app
