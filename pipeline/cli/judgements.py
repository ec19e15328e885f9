"""`tapewatch silence`, `silences`, `ack` and `precision`: what people make of alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from alerts.types import Severity, Verdict
from pipeline.cli.alert_ids import AlertId
from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from pydantic import ValidationError

    from db.alert_rows import SilenceRow

app = typer.Typer(no_args_is_help=True, help="List silences, or end one.")

_Author = Annotated[
    str | None, typer.Option(help="Who says so.", show_default="the user of this computer")
]


def silence(
    *,
    entity: Annotated[
        str | None, typer.Option(metavar="NAME", help="A company: name, alias, symbol or id.")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="NAME", help="A topic.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Alerts of this rule.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Alerts of this severity.")] = None,
    hours: Annotated[float, typer.Option(help="How long, from now.")] = 24.0,
    reason: Annotated[str, typer.Option(help="Why; others will read it.")],
    author: _Author = None,
) -> None:
    """Send no alert that matches, for a while. All that is given must match.

    What fires meanwhile is stored and shown; only webhooks do not get it.
    """
    from pydantic import ValidationError

    from pipeline.cli.database import open_session, record_command, user
    from pipeline.judging import NewSilence
    from pipeline.judging import silence as store
    from pipeline.runtime import load_settings
    from pipeline.series import BadQuery

    settings = load_settings()
    try:
        wanted = NewSilence(
            entity=entity,
            topic=topic,
            rule=rule,
            severity=severity,
            hours=hours,
            reason=reason,
            author=author or user(),
        )
        with open_session(settings) as session:
            companies = tuple(settings.model.companies)
            row = store(session, wanted, now=datetime.now(UTC), companies=companies)
            record_command(session, "silence", str(row.id))
    except ValidationError as error:
        raise _wrong(error) from error
    except BadQuery as error:
        raise fail(str(error), status=WRONG_USE) from error
    typer.echo(_line(row))


@app.command("list")
def list_silences() -> None:
    """List the silences that are active, the next to end first."""
    from db.judgements import active_silences
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        rows = active_silences(session)
    for row in rows:
        typer.echo(_line(row))


@app.command("end")
def end(silence_id: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """End a silence now."""
    from db.judgements import end_silence
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        ended = end_silence(session, silence_id)
        if ended:
            record_command(session, "silences end", str(silence_id))
    if not ended:
        raise fail(f"no silence with the id {silence_id} is active")


def _wrong(error: ValidationError) -> typer.Exit:
    """Say which option holds what it must not."""
    problem = error.errors()[0]
    return fail(f"{problem['loc'][0]}: {problem['msg']}", status=WRONG_USE)


def acknowledge(
    alert_id: AlertId,
    verdict: Annotated[Verdict, typer.Argument(help="What you make of it.")],
    *,
    note: Annotated[str, typer.Option(help="More, for others to read.")] = "",
    author: _Author = None,
) -> None:
    """Say what you make of an alert; the last word counts in `tapewatch precision`."""
    from pydantic import ValidationError

    from pipeline.cli.database import open_session, record_command, user
    from pipeline.judging import NewAcknowledgement, judge
    from pipeline.runtime import load_settings

    try:
        wanted = NewAcknowledgement(verdict=verdict, note=note, author=author or user())
    except ValidationError as error:
        raise _wrong(error) from error
    with open_session(load_settings()) as session:
        known = judge(session, alert_id, wanted)
        if known:
            record_command(session, "ack", str(alert_id))
    if not known:
        raise fail(f"no alert has the id {alert_id}; `GET /v1/alerts` lists them")


def precision(
    *,
    by: Annotated[str, typer.Option(help="rule, entity, severity, detector or week.")] = "rule",
    since: Annotated[
        str | None, typer.Option(help="Fired since: 2026-01-31, or 90d before the newest item.")
    ] = None,
) -> None:
    """Tell which share of the acknowledged alerts was called wanted."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from db.judgements import GROUPS
    from db.judgements import precision as read
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings
    from pipeline.series import newest_item_at, parse_moment

    if by not in GROUPS:
        raise fail(f"--by must be one of {', '.join(GROUPS)}", status=WRONG_USE)
    settings = load_settings()
    with open_session(settings) as session:
        newest = newest_item_at(session, settings.kafka.raw_topic)
        first = None if since is None else parse_moment(since, newest=newest)
        rows = read(session, by=by, since=first)
    table = Table(by, "alerts", "judged", "wanted", "precision")
    for row in rows:
        share = f"{row.wanted / row.judged:.2f}" if row.judged else ""
        table.add_row(Text(row.name), f"{row.alerts}", f"{row.judged}", f"{row.wanted}", share)
    Console(highlight=False).print(table)


def _line(row: SilenceRow) -> str:
    what = [
        f"{row.scope.kind} {row.scope.id}" if row.scope else "",
        f"rule {row.rule}" if row.rule else "",
        row.severity or "",
    ]
    matched = ", ".join(part for part in what if part)
    until = f"{row.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{row.id}  {matched}  until {until}  {row.author}: {row.reason}"
