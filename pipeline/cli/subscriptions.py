"""`tapewatch subscribe` and `tapewatch subscriptions`: who gets which alerts by webhook."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from pipeline.cli import endpoints
from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from db.rows import SubscriptionRow

app = typer.Typer(no_args_is_help=True, help="List and change the webhooks that get alerts.")
app.command("test")(endpoints.try_out)
app.command("resume")(endpoints.resume)
app.command("replay")(endpoints.replay)

_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def subscribe(
    url: Annotated[str, typer.Argument(help="Endpoint, https and public; see below for others.")],
    *,
    entity: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this company (name, alias, symbol); repeatable."),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this topic; repeatable.")
    ] = None,
    severity: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL", help="Only warning, or only critical; repeatable."),
    ] = None,
    operations: Annotated[
        bool,
        typer.Option(help="Also events about the watch itself, such as a disabled endpoint."),
    ] = False,
    description: Annotated[str, typer.Option(help="A note for you.")] = "",
    secret: Annotated[
        str | None,
        typer.Option(metavar="WHSEC", help="Bring your own secret instead of a new one."),
    ] = None,
    as_json: _JsonOption = False,
) -> None:
    """Send alerts to a webhook from now on; prints its id and, only now, its secret.

    Works on the database directly. Hosts inside your network, also by plain http, must be listed in
    TAPEWATCH_DELIVERY__ALLOW_HOSTS of the scheduler and of this command.
    """
    from db.subscriptions import create_subscription
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings, require_key
    from pipeline.subscribing import BadSubscription, Wish, to_subscription

    settings = load_settings()
    key = require_key(settings)
    wish = Wish(
        url=url,
        entities=entity or (),
        topics=topic or (),
        severities=severity or (),
        description=description,
        secret=secret,
        operations=operations,
    )
    try:
        with open_session(settings) as session:
            row, clear = to_subscription(
                session,
                wish,
                key=key,
                allow_hosts=settings.delivery.allow_hosts,
                companies=settings.model.companies,
            )
            create_subscription(session, row)
    except BadSubscription as error:
        raise fail(f"{error.field}: {error}", status=WRONG_USE) from error
    if as_json:
        typer.echo(json.dumps(_shown(row) | {"secret": clear}, ensure_ascii=False))
        return
    typer.echo(f"id      {row.id}\nsecret  {clear}")
    typer.echo(
        "Keep the secret: the receiver verifies with it, and it is not shown again.", err=True
    )


@app.command("list")
def list_(*, as_json: _JsonOption = False) -> None:
    """List all subscriptions; secrets are never shown."""
    from db.subscriptions import list_subscriptions
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        rows = list_subscriptions(session)
    if as_json:
        typer.echo(json.dumps([_shown(row) for row in rows], ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo("no subscriptions; add one with `tapewatch subscribe URL`")
    for row in rows:
        typer.echo(_told(row))


@app.command("rotate")
def rotate(
    subscription_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    overlap_h: Annotated[
        int,
        typer.Option(
            min=0, max=168, help="Hours for which the old secret signs too; 0 (leaked) ends all."
        ),
    ] = 24,
) -> None:
    """Replace a webhook's secret; prints the new one, only now."""
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings, require_key
    from pipeline.subscribing import BadSubscription
    from pipeline.subscribing import rotate as make

    settings = load_settings()
    key = require_key(settings)
    now = datetime.now(UTC)
    try:
        with open_session(settings) as session:
            secret = make(session, subscription_id, key=key, now=now, overlap_h=overlap_h)
    except BadSubscription as error:
        raise fail(f"{error.field}: {error}", status=WRONG_USE) from error
    if secret is None:
        raise fail(f"there is no subscription {subscription_id}")
    typer.echo(f"secret  {secret}")


@app.command("remove")
def remove(
    subscription_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """Remove a subscription, with what still waits for it."""
    from db.subscriptions import delete_subscription
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        removed = delete_subscription(session, subscription_id)
    if not removed:
        raise fail(f"there is no subscription {subscription_id}")
    typer.echo(f"removed {subscription_id}")


def _shown(row: SubscriptionRow) -> dict[str, object]:
    return {
        "id": str(row.id),
        "url": row.url,
        "entities": row.entities,
        "topics": row.topics,
        "severities": row.severities,
        "operations": row.operations,
        "description": row.description,
        "failing_since": row.failing_since and row.failing_since.isoformat(),
        "disabled_reason": row.disabled_reason,
    }


def _told(row: SubscriptionRow) -> str:
    wanted = [*row.entities, *row.topics]
    lines = [
        f"{row.id}  {row.url}",
        f"    {', '.join(wanted) or 'everything'}; {', '.join(row.severities) or 'any severity'}",
    ]
    if row.description:
        lines.append(f"    {row.description}")
    if row.failing_since:
        lines.append(f"    failing since {row.failing_since:%Y-%m-%d %H:%M} UTC")
    if row.disabled_reason:
        lines.append(f"    DISABLED: {row.disabled_reason}")
    return "\n".join(lines)
