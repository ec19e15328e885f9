"""`tapewatch keys` and `tapewatch audit`: who may use the API, and what was done."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from db.audit import AuditRow
    from db.keys import KeyRow

app = typer.Typer(no_args_is_help=True, help="Make, list or revoke the keys of the API.")

_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for you and for the audit log.")],
    *,
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="SCOPE",
            help="ingest (push news), read (all but keys and audit) or admin (all); repeatable.",
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="ISO 8601, or a length of time from now: 90d."),
    ] = None,
    as_json: _JsonOption = False,
) -> None:
    """Make a key; prints its id and, only now, the key."""
    from db.keys import create_key
    from pipeline.access import MAX_NAME_CHARS, Scope, new_api_key
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    try:
        scopes = [Scope(each) for each in scope]
    except ValueError as error:
        raise fail("a scope is ingest, read or admin", status=WRONG_USE) from error
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise fail(f"a name has 1 to {MAX_NAME_CHARS} characters", status=WRONG_USE)
    row, key = new_api_key(name, scopes, expires_at=_end(expires))
    with open_session(load_settings()) as session:
        create_key(session, row)
        record_command(session, "keys create", str(row.id))
    if as_json:
        typer.echo(json.dumps({"id": str(row.id), "key": key}))
        return
    typer.echo(f"id   {row.id}\nkey  {key}")
    typer.echo("Keep the key: it is not shown again.", err=True)


@app.command("list")
def list_(*, as_json: _JsonOption = False) -> None:
    """List all keys but that of the settings; never the keys themselves."""
    from db.keys import list_keys
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        rows = list_keys(session)
    if as_json:
        typer.echo(json.dumps([_shown(row) for row in rows], ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo("no keys; make one with `tapewatch keys create NAME --scope read`")
    for row in rows:
        typer.echo(_told(row))


@app.command("revoke")
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """End a key for good, and the sessions that began with it."""
    from db.keys import revoke_key
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        revoked = revoke_key(session, key_id)
        if revoked:
            record_command(session, "keys revoke", str(key_id))
    if not revoked:
        raise fail(f"there is no key {key_id}, or it was revoked before")
    typer.echo(f"revoked {key_id}")


def audit(
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="ISO 8601, or a length of time before now.")
    ] = "7d",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most rows.")] = 100,
    as_json: _JsonOption = False,
) -> None:
    """Print what was done and what was refused, newest first."""
    from db.audit import list_audit
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings
    from pipeline.series import parse_moment

    moment = parse_moment(since, newest=datetime.now(UTC))
    with open_session(load_settings()) as session:
        rows = list_audit(session, since=moment, limit=limit)
    for row in rows:
        typer.echo(json.dumps(_line(row), ensure_ascii=False) if as_json else _text(row))


def _end(expires: str | None) -> datetime | None:
    from pipeline.series import BadQuery, parse_duration, parse_moment

    if expires is None:
        return None
    now = datetime.now(UTC)
    try:
        end = now + parse_duration(expires)
    except BadQuery:
        end = parse_moment(expires, newest=now)
    if end <= now:
        raise fail("--expires lies in the past", status=WRONG_USE)
    return end


def _shown(row: KeyRow) -> dict[str, object]:
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    found = {name: getattr(row, name) for name in times}
    return {"id": str(row.id), "name": row.name, "scopes": row.scopes} | {
        name: None if at is None else at.isoformat() for name, at in found.items()
    }


def _told(row: KeyRow) -> str:
    shown = _shown(row)
    end = f"; expires {shown['expires_at']}" if row.expires_at else ""
    revoked = f"; REVOKED {shown['revoked_at']}" if row.revoked_at else ""
    used = f"last used {shown['last_used_at']}" if row.last_used_at else "never used"
    return f"{row.id}  {row.name}\n    {', '.join(row.scopes)}; {used}{end}{revoked}"


def _line(row: AuditRow) -> dict[str, object]:
    from dataclasses import asdict

    deed = asdict(row.deed) | {"key_id": row.deed.key_id and str(row.deed.key_id)}
    return {"at": row.at.isoformat(), **deed}


def _text(row: AuditRow) -> str:
    deed = row.deed
    status = "" if deed.status is None else f" {deed.status}"
    who = f"{deed.actor or 'nobody'} ({deed.address})"
    return (
        f"{row.at:%Y-%m-%d %H:%M:%S}  {deed.outcome}{status}  {who}  {deed.action}  {deed.target}"
    )
