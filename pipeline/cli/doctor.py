"""`tapewatch doctor`: what is well and what is not, with what to do."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check broker, database, schema, model, feeds, clock and disk; say what to do.

    Ends with status 1 if something is wrong.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.cli.services import logged_settings
    from pipeline.doctor import examine

    findings = examine(logged_settings())
    ok = all(finding.ok for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": [asdict(one) for one in findings]}))
    else:
        console = Console(soft_wrap=True, highlight=False)
        for one in findings:
            mark = "[green]ok  [/green]" if one.ok else "[red]FAIL[/red]"
            console.print(f"{mark} {one.name:<11} {escape(one.detail)}")
            if one.advice:
                console.print(f"     {'':<11} -> {escape(one.advice)}")
    if not ok:
        raise typer.Exit(1)
