"""The commands that run the services: each blocks until SIGTERM, or does its work and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.settings import Settings


def migrate() -> None:
    """Bring the database's schema up to date and create the Kafka topics; safe to repeat."""
    settings = logged_settings()
    from db.migrate import head
    from pipeline.schema import migrate as bring_up
    from pipeline.topics import ensure_topics

    bring_up(settings.database.url.get_secret_value())
    typer.echo(f"database at revision {head()}")
    created = ensure_topics(settings.kafka)
    typer.echo(f"topics created: {', '.join(created)}" if created else "topics exist")


def worker() -> None:
    """Classify and store news from Kafka; run as many as the topic has partitions."""
    settings = logged_settings()
    from pipeline.worker import run

    run(settings)


def scheduler() -> None:
    """Detect alerts and deliver webhooks; a second one takes over when the first dies."""
    settings = logged_settings()
    from pipeline.scheduler import run

    run(settings)


def web(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; TAPEWATCH_WEB__HOST by default.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; TAPEWATCH_WEB__PORT by default."),
    ] = None,
) -> None:
    """Serve the HTTP API; TAPEWATCH_WEB__API_KEY must be set (docs/api.md)."""
    settings = logged_settings()
    from pipeline.web.serve import run

    own = {"host": host, "port": port}
    given = {name: value for name, value in own.items() if value is not None}
    run(settings.model_copy(update={"web": settings.web.model_copy(update=given)}))


def new_key() -> None:
    """Print a new key for TAPEWATCH_SECRET_KEY, which encrypts the secrets of webhooks."""
    from alerts.delivery.secrets import new_key as make

    typer.echo(make())


def logged_settings() -> Settings:
    """Return the settings, with logs going where they say; raises as ``load_settings`` does."""
    from pipeline import log
    from pipeline.runtime import load_settings

    settings = load_settings()
    log.configure(json=settings.log_json, level=settings.log_level)
    return settings
