"""`tapewatch subscriptions`: list, change and remove who gets which alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from pipeline.cli import endpoints
from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from db.delivery_rows import SubscriptionRow

app = typer.Typer(no_args_is_help=True, help="List and change the webhooks that get alerts.")
app.command("test")(endpoints.try_out)
app.command("pause")(endpoints.pause)
app.command("resume")(endpoints.resume)
app.command("replay")(endpoints.replay)

_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command("list")
def list_(*, as_json: _JsonOption = False) -> None:
    """List all subscriptions; secrets are never shown."""
    from db.subscriptions import list_subscriptions
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings
    from pipeline.subscribing import told

    with open_session(load_settings()) as session:
        rows = list_subscriptions(session)
    if as_json:
        typer.echo(json.dumps([told(row) for row in rows], ensure_ascii=False, indent=2))
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
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings, require_key
    from pipeline.subscribing import rotate as make
    from pipeline.targets import BadSubscription

    settings = load_settings()
    key = require_key(settings)
    now = datetime.now(UTC)
    try:
        with open_session(settings) as session:
            secret = make(session, subscription_id, key=key, now=now, overlap_h=overlap_h)
            if secret is not None:
                record_command(session, "subscriptions rotate", str(subscription_id))
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
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        removed = delete_subscription(session, subscription_id)
        if removed:
            record_command(session, "subscriptions remove", str(subscription_id))
    if not removed:
        raise fail(f"there is no subscription {subscription_id}")
    typer.echo(f"removed {subscription_id}")


def _told(row: SubscriptionRow) -> str:
    from pipeline.subscribing import told
    from pipeline.timing import told_clock

    shown = told(row)
    wanted = [*row.entities, *row.watchlists, *row.sectors, *row.topics]
    narrowed = [*row.severities, *row.languages, *row.detectors]
    lines = [
        f"{row.id}  {row.url}",
        f"    {', '.join(wanted) or 'everything'}; {', '.join(narrowed) or 'any severity'}",
    ]
    if row.quiet_start or row.digest_at:
        times = [f"quiet {shown['quiet']}"] if row.quiet_start else []
        times += [f"digest at {', '.join(map(told_clock, row.digest_at))}"] if row.digest_at else []
        passing = "; critical ones at once" if row.critical_passes else ""
        lines.append(f"    {', '.join(times)} {row.time_zone}{passing}")
    if row.description:
        lines.append(f"    {row.description}")
    if row.paused:
        lines.append("    PAUSED")
    if row.failing_since:
        lines.append(f"    failing since {row.failing_since:%Y-%m-%d %H:%M} UTC")
    if row.disabled_reason:
        lines.append(f"    DISABLED: {row.disabled_reason}")
    return "\n".join(lines)
