"""`tapewatch demo`: everything on this machine, with one command."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail, missing


def demo(
    *,
    replay: Annotated[
        Path | None,
        typer.Option(help="JSON lines of your own, plain or .gz, instead of the shipped stream."),
    ] = None,
    speed: Annotated[
        str,
        typer.Option(
            help='Event time against the clock, such as 3600 (an hour a second), or "max".'
        ),
    ] = "max",
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Leave out items from this event time on; UTC where no offset is given.",
        ),
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option(help="Also write each verified alert to this file, one JSON object a line."),
    ] = None,
    exit_when_done: Annotated[
        bool,
        typer.Option(
            "--exit", help="End when all is played, stored, evaluated and delivered; print counts."
        ),
    ] = False,
    state: Annotated[
        Path, typer.Option(help="Folder for database, logs and secrets; kept for the next demo.")
    ] = Path(".tapewatch/demo"),
    workers: Annotated[int, typer.Option(min=1, max=16, help="Worker processes.")] = 1,
) -> None:
    """Run the whole chain here and now: no Docker, no server, no account.

    Starts an embedded PostgreSQL and an embedded broker on loopback, the worker, the scheduler and
    the web service, plays five days of invented news in and prints every alert that comes back by
    webhook. Stays up until Ctrl-C, then stops all that it started. Each demo begins with an empty
    database. TAPEWATCH_ settings of your environment hold where the demo does not decide itself.
    """
    _check(replay, speed, alerts)
    try:
        from pipeline.demo.chain import Recording
        from pipeline.demo.demo import Options, run
        from pipeline.demo.services import STREAM
    except ModuleNotFoundError as error:
        raise fail(missing(str(error.name), "demo")) from error
    from rich.console import Console

    if until is not None:
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    recording = Recording(replay or STREAM, speed, until, shipped=replay is None)
    options = Options(recording, alerts, exits=exit_when_done, state=state, workers=workers)
    try:
        result = run(options, Console())
    except _expected_errors() as error:
        raise fail(str(error)) from error
    if result is not None and not result.complete:
        raise fail("items were lost or counted twice: see the counts above")


def _check(replay: Path | None, speed: str, alerts: Path | None) -> None:
    if replay is not None and not replay.is_file():
        raise fail(f"there is no file {replay}", status=WRONG_USE)
    if alerts is not None and not os.access(alerts.absolute().parent, os.W_OK):
        raise fail(f"cannot write to the folder of {alerts}", status=WRONG_USE)
    try:
        positive = speed == "max" or 0 < float(speed) < float("inf")
    except ValueError:
        positive = False
    if not positive:
        raise fail(
            f'--speed takes a number above 0, or "max"; {speed!r} is neither', status=WRONG_USE
        )


def _expected_errors() -> tuple[type[Exception], ...]:
    from pipeline.demo.chain import ChainBroken
    from pipeline.demo.demo import DemoStalled
    from pipeline.demo.embedded import EmbeddedError
    from pipeline.demo.state import StateInUse
    from pipeline.demo.supervise import ChildKeepsFailing
    from pipeline.sources.replay import SourceError

    return ChainBroken, ChildKeepsFailing, DemoStalled, EmbeddedError, SourceError, StateInUse
