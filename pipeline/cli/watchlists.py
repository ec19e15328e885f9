"""`tapewatch watchlists`: named lists of companies that subscriptions filter by.

Which companies raise alerts is for the rules to say (``pipeline.rules``).
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail

app = typer.Typer(no_args_is_help=True, help="Name lists of companies to subscribe to.")

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the watchlist.")]


@app.command("set")
def set_(
    name: _Name,
    companies: Annotated[
        list[str], typer.Argument(metavar="COMPANY...", help="Ids, names, aliases or symbols.")
    ],
) -> None:
    """Create a watchlist, or replace who is on it; subscriptions follow at once."""
    from db.watchlists import save_watchlist
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings
    from pipeline.subscribing import company_ids
    from pipeline.targets import BadSubscription

    settings = load_settings()
    try:
        with open_session(settings) as session:
            ids = company_ids(session, companies, companies=settings.model.companies)
            save_watchlist(session, name, ids)
            record_command(session, "watchlists set", name)
    except BadSubscription as error:
        raise fail(f"{error.field}: {error}", status=WRONG_USE) from error
    typer.echo(f"{name}: {', '.join(ids)}")


@app.command("list")
def list_(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False
) -> None:
    """List all watchlists."""
    from db.watchlists import list_watchlists
    from pipeline.cli.database import open_session
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        found = list_watchlists(session)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        typer.echo("no watchlists; make one with `tapewatch watchlists set NAME COMPANY...`")
    for name, ids in found.items():
        typer.echo(f"{name}: {', '.join(ids)}")


@app.command("remove")
def remove(name: _Name) -> None:
    """Remove a watchlist that no subscription filters by."""
    from db.watchlists import WatchlistInUse, delete_watchlist
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    try:
        with open_session(load_settings()) as session:
            found = delete_watchlist(session, name)
            if found:
                record_command(session, "watchlists remove", name)
    except WatchlistInUse as error:
        raise fail("a subscription filters by it") from error
    if not found:
        raise fail(f"there is no watchlist {name!r}")
    typer.echo(f"removed {name}")
