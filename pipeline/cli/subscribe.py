"""`tapewatch subscribe`: who gets which alerts, where and when."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail

_WHICH, _WHEN = "Which alerts", "When"


def _filter(metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        metavar=metavar, help=f"{text}; repeatable.", rich_help_panel=_WHICH
    )
    return option


def subscribe(
    url: Annotated[str, typer.Argument(help="Where to: https://..., or chat or mail; see below.")],
    *,
    entity: Annotated[
        list[str] | None, _filter("NAME", "Only this company (name, alias, symbol)")
    ] = None,
    watchlist: Annotated[list[str] | None, _filter("NAME", "Only companies on this list")] = None,
    sector: Annotated[list[str] | None, _filter("NAME", "Only companies of this sector")] = None,
    topic: Annotated[list[str] | None, _filter("NAME", "Only this topic")] = None,
    severity: Annotated[
        list[str] | None, _filter("LEVEL", "Only warning, or only critical")
    ] = None,
    language: Annotated[list[str] | None, _filter("CODE", "Only on news in en, or zh")] = None,
    detector: Annotated[list[str] | None, _filter("NAME", "Only of this detector")] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            metavar="HH:MM-HH:MM",
            help="Hold alerts back in these hours and tell them together afterwards.",
            rich_help_panel=_WHEN,
        ),
    ] = None,
    digest_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HH:MM",
            help="Tell alerts together at this time instead of each at once; repeatable.",
            rich_help_panel=_WHEN,
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Of these times.", rich_help_panel=_WHEN)
    ] = "UTC",
    critical_passes: Annotated[
        bool,
        typer.Option(help="Tell critical alerts at once all the same.", rich_help_panel=_WHEN),
    ] = False,
    operations: Annotated[
        bool,
        typer.Option(help="Also events about the watch itself, such as a disabled endpoint."),
    ] = False,
    message_language: Annotated[
        str, typer.Option(metavar="CODE", help="Of messages to chat and mail: en or zh.")
    ] = "en",
    description: Annotated[str, typer.Option(help="A note for you.")] = "",
    secret: Annotated[
        str | None,
        typer.Option(metavar="WHSEC", help="Bring your own secret instead of a new one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Send alerts to a webhook, chat or mail from now on; prints its id and, only now, its secret.

    Chat and mail are named as apprise does: slack://, workflows:// (Teams), tgram://, feishu://,
    dingtalk://, wecombot://, mailtos://, pagerduty:// (docs/webhooks.md).

    Works on the database directly. Hosts inside your network, also by plain http, must be listed in
    TAPEWATCH_DELIVERY__ALLOW_HOSTS of the scheduler and of this command.
    """
    from db.subscriptions import create_subscription
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings, require_key
    from pipeline.subscribing import Wish, to_subscription, told
    from pipeline.targets import BadSubscription

    settings = load_settings()
    key = require_key(settings)
    wish = Wish(
        url=url,
        language=message_language,
        entities=entity or (),
        watchlists=watchlist or (),
        sectors=sector or (),
        topics=topic or (),
        severities=severity or (),
        languages=language or (),
        detectors=detector or (),
        quiet=quiet,
        digest_at=digest_at or (),
        time_zone=time_zone,
        critical_passes=critical_passes,
        operations=operations,
        description=description,
        secret=secret,
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
            record_command(session, "subscribe", str(row.id))
    except BadSubscription as error:
        raise fail(f"{error.field}: {error}", status=WRONG_USE) from error
    if as_json:
        typer.echo(json.dumps(told(row) | {"secret": clear}, ensure_ascii=False))
        return
    typer.echo(f"id      {row.id}")
    if clear is None:
        return
    typer.echo(f"secret  {clear}")
    typer.echo(
        "Keep the secret: the receiver verifies with it, and it is not shown again.\n"
        f"Once the receiver runs, try it: tapewatch subscriptions test {row.id}",
        err=True,
    )
