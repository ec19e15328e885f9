"""An HTTP client that speaks to the app in this process, its services opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from pipeline.settings import Settings
from pipeline.web.app import create_app

API_KEY = "k3y-0f-the-tests"
SECRET_KEY = "RnJlc2hseSBtYWRlIGZvciB0aGUgdGVzdHMgb25seSE="
NOWHERE = "127.0.0.1:1"


def web_settings(
    *, database_url: str | None = None, bootstrap_servers: str = NOWHERE, raw_topic: str = "raw"
) -> Settings:
    """Return settings; what is not given is not there."""
    return Settings.model_validate(
        {
            "database": {"url": database_url or f"postgresql://nobody@{NOWHERE}/none"},
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "raw_topic": raw_topic,
                "scored_topic": f"{raw_topic}.scored",
                "dead_letter_topic": f"{raw_topic}.dlq",
                "partitions": 2,
            },
            "web": {"api_key": API_KEY, "max_body_bytes": 100_000},
            "secret_key": SECRET_KEY,
            "delivery": {"allow_hosts": "127.0.0.1"},
        }
    )


@asynccontextmanager
async def web_client(settings: Settings, *, key: str = API_KEY) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an app with these settings, and yield a client that sends the key."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://web", headers=headers) as client,
    ):
        yield client
