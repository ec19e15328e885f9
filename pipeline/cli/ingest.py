"""The commands that bring news in: `ingest` (feeds, a file, standard input) and `replay`."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.fail import fail
from pipeline.cli.services import logged_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.ingest import Counts
    from pipeline.settings import Settings
    from pipeline.sources.replay import Lines

_FileArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]",
        help="JSON lines, plain or .gz; - reads standard input. Without it, feeds are polled.",
    ),
]
_FeedsOption = Annotated[
    Path | None,
    typer.Option(help="TOML file that lists the feeds; TAPEWATCH_INGEST__FEEDS by default."),
]
_WaitOption = Annotated[
    float, typer.Option("--wait", min=1, help="Seconds to wait for a broker that is away.")
]


def ingest(
    file: _FileArgument = None, feeds: _FeedsOption = None, wait_s: _WaitOption = 60.0
) -> None:
    """Bring news in: poll feeds until stopped, or read a file or standard input to its end."""
    settings = logged_settings()
    if file is not None:
        _read(settings, file, speed=None, until=None, wait_s=wait_s)
        return
    listed = feeds or settings.ingest.feeds
    if listed is None:
        raise fail(
            "nothing to ingest: name a FILE (- for standard input), or list RSS/Atom feeds in a "
            "file and name that with --feeds or TAPEWATCH_INGEST__FEEDS (see docs/settings.md)",
            status=2,
        )
    _poll(settings, listed, wait_s)


def replay(
    file: Annotated[str, typer.Argument(help="JSON lines, plain or .gz; - reads standard input.")],
    speed: Annotated[
        str,
        typer.Option(
            help='Event time against the clock, such as 60 (a minute a second), or "max".'
        ),
    ] = "max",
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Leave out items from this event time on; UTC where no offset is given.",
        ),
    ] = None,
    wait_s: _WaitOption = 60.0,
) -> None:
    """Play recorded news into the stream, as fast as it goes or at a multiple of its own time."""
    if until is not None:
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    _read(logged_settings(), file, speed=_factor(speed), until=until, wait_s=wait_s)


def _read(
    settings: Settings, file: str, *, speed: float | None, until: datetime | None, wait_s: float
) -> None:
    from pipeline.ingest import Publisher, run_ingest
    from pipeline.runtime import build_limits
    from pipeline.sources.replay import Lines, Pace, SourceError
    from pipeline.topics import BrokerAway, BrokerRefused

    path = None if file == "-" else Path(file)
    if path is not None and not path.is_file():
        raise fail(f"there is no file {path}", status=2)
    lines = Lines(path, build_limits(settings), until)
    stopping = _stopped_by_signals()
    with (
        Publisher(settings.kafka, wait_s=wait_s, stopping=stopping) as publisher,
        _progress(lines) as show,
    ):
        try:
            counts = run_ingest(
                lines, publisher, pace=Pace(speed), stopping=stopping, on_record=show
            )
        except BrokerRefused:
            raise
        except BrokerAway as error:
            raise fail(_broker_away(settings, error, wait_s)) from error
        except SourceError as error:
            raise fail(str(error)) from error
    _say(_summary(lines, counts, stopped=stopping.is_set()))


def _poll(settings: Settings, listed: Path, wait_s: float) -> None:
    from pipeline.connection import StoppedWaiting
    from pipeline.feed_jobs import poll_feeds
    from pipeline.ingest import Publisher
    from pipeline.metrics_server import metrics_server
    from pipeline.runtime import build_limits
    from pipeline.sources.feeds import FeedError, load_feeds
    from pipeline.topics import BrokerAway, BrokerRefused

    try:
        specs = load_feeds(listed)
    except FeedError as error:
        raise fail(str(error), status=2) from error
    stopping = _stopped_by_signals()
    with (
        metrics_server(settings.metrics_host, settings.metrics_port),
        Publisher(settings.kafka, wait_s=wait_s, stopping=stopping) as publisher,
    ):
        try:
            publisher.connect()
        except StoppedWaiting:
            return
        except BrokerRefused:
            raise
        except BrokerAway as error:
            raise fail(_broker_away(settings, error, wait_s)) from error
        poll_feeds(specs, publisher, limits=build_limits(settings), stopping=stopping)


def _factor(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise fail(
            f'--speed takes a number above 0, or "max"; {speed!r} is neither', status=2
        ) from None
    return factor


def _stopped_by_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


@contextmanager
def _progress(lines: Lines) -> Iterator[Callable[[Counts], None]]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    if lines.path is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    size = lines.path.stat().st_size
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(lines.path.name, total=size)

        def show(counts: Counts) -> None:
            if counts.published % 100 == 0:
                text = f"{lines.path.name if lines.path else ''} {counts.published} items"
                bar.update(task, completed=lines.position, description=text)

        yield show


def _summary(lines: Lines, counts: Counts, *, stopped: bool) -> str:
    name = lines.path or "standard input"
    if lines.lines == 0 and not stopped:
        return f"{name} is empty: nothing to ingest"
    said = f"{counts.published} items published"
    if counts.rejected:
        said += f", {counts.rejected} lines rejected (see the dead letter topic for the reasons)"
    return f"{name}: {said}{', stopped before the end' if stopped else ''}"


def _broker_away(settings: Settings, error: Exception, wait_s: float) -> str:
    servers = settings.kafka.bootstrap_servers
    return (
        f"no Kafka broker answered at {servers} for {wait_s:g} s ({error}).\n"
        "Start the broker, run `tapewatch migrate` if it is new, or set "
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS; then run this again: an item that is already in "
        "stays one item."
    )


def _say(text: str) -> None:
    typer.echo(text, err=True)
