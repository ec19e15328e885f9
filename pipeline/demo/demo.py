"""`tapewatch demo`: the whole chain on one machine, and what its user sees of it.

A recording is played in; each alert that comes back by webhook, its signature verified, is shown.
Starting and ending the parts is ``chain``'s.
"""

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from pipeline.alert_file import AlertFile
from pipeline.cli.render import render_alert
from pipeline.demo.chain import Chain, Recording, running
from pipeline.demo.hints import look_around, own_webhook
from pipeline.demo.progress import Census, Standing, take_census
from pipeline.demo.services import answers
from pipeline.demo.state import use_state
from pipeline.demo.supervise import tail
from pipeline.runtime import build_limits

_TICK_S = 0.2
_LOOK_EVERY_S = 1.0
# Where no terminal shows the line that changes in place, it is written this often.
_SAY_EVERY_S = 15.0
# Loading the model from a slow disk may take a minute; nothing takes five.
_STALLED_AFTER_S = 300.0


class DemoStalled(Exception):
    """Nothing has moved for minutes; the text shows the end of the worker's log."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes:
        alerts: File for the verified events, one JSON object a line.
        exits: End when all is played, stored, evaluated and delivered.
        state: Folder that is kept across demos.
        workers: How many worker processes.
    """

    recording: Recording
    alerts: Path | None
    exits: bool
    state: Path
    workers: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a recording that was played to its end."""

    census: Census
    standing: Standing
    events: int

    @property
    def complete(self) -> bool:
        """Whether each item is stored once and each unreadable line is a dead letter."""
        census, standing = self.census, self.standing
        return (census.distinct, census.unreadable) == (standing.stored, standing.dead_letters)

    def summary(self) -> str:
        """Return the counts as lines."""
        census, standing = self.census, self.standing
        rows = {
            "items in the file": census.items,
            "distinct ids": census.distinct,
            "stored": standing.stored,
            "dead letters": standing.dead_letters,
            "alerts": standing.alerts,
            "webhooks verified": self.events,
        }
        return "\n".join(f"{name:>18}  {count:>9,}" for name, count in rows.items())


def run(options: Options, console: Console) -> Result | None:
    """Run a demo until the user ends it, or until it is done where that was asked for.

    Args:
        options: What to play and how.
        console: Where to show it.

    Returns:
        What came out; None when the user ended it.
    """
    # SIGINT too: a shell that starts us in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        state = stack.enter_context(use_state(options.state))
        try:
            console.print(f"Starting everything on this machine; logs are in {state.logs}")
            alerts = stack.enter_context(_new_file(options.alerts)) if options.alerts else None
            chain = stack.enter_context(
                running(
                    state,
                    options.recording,
                    workers=options.workers,
                    alerts=alerts,
                    say=lambda line: console.print(escape(line), soft_wrap=True, highlight=False),
                )
            )
            status = stack.enter_context(console.status("starting"))
            return _Show(options, chain, console, status).play()
        except KeyboardInterrupt:
            return None
        finally:
            # A second Ctrl-C must not leave half of it running; stopping is bounded anyway.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            console.print("Stopping everything ...")


def _new_file(path: Path) -> AlertFile:
    path.unlink(missing_ok=True)  # the file holds what this demo said
    return AlertFile(path)


class _Show:
    """The loop that looks at the chain and tells the user."""

    def __init__(self, options: Options, chain: Chain, console: Console, status: Status) -> None:
        self._options = options
        self._chain = chain
        self._console = console
        self._status = status
        self._events = 0
        self._hinted = False
        self._said = ""
        self._said_at = time.monotonic()
        self._moved_at = time.monotonic()
        self._last: Standing | None = None

    def play(self) -> Result:
        """Show until all is played; return then, or never, as the options say."""
        recording = self._options.recording
        census = take_census(
            recording.path, limits=build_limits(self._chain.settings), until=recording.until
        )
        told = False
        while True:
            for sentence in self._chain.tend():
                self._console.print(f"[yellow]{sentence}[/yellow]")
            self._show_hints()
            # In this order: what was played is on the topic when we look, what was delivered is
            # in the receiver when we take.
            played = self._chain.played
            standing = self._chain.watcher.look()
            self._show_alerts()
            self._show_standing(standing, census, played=played)
            if played and standing.finished and not told:
                result = Result(census, standing, self._events)
                self._console.print(f"The whole recording is through.\n{result.summary()}")
                if self._options.exits:
                    return result
                if recording.shipped:
                    self._print_hints(own_webhook(self._chain.state, shipped=True))
                self._console.print("All stays up until Ctrl-C.")
                told = True
            self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + _LOOK_EVERY_S
        while time.monotonic() < until:
            time.sleep(_TICK_S)
            self._show_alerts()

    def _show_hints(self) -> None:
        settings = self._chain.settings
        if self._hinted or not answers(settings.web.port):
            return
        shipped = self._options.recording.shipped
        about, since = ("Quillmere", "2026-03-05") if shipped else ("NAME", "7d")
        hints = look_around(self._chain.state, settings, about=about, since=since)
        self._print_hints(hints)
        if not shipped:
            self._print_hints(own_webhook(self._chain.state, shipped=False))
        self._hinted = True

    def _print_hints(self, hints: str) -> None:
        self._console.print(f"{hints}\n", soft_wrap=True, highlight=False)

    def _show_alerts(self) -> None:
        for event in self._chain.inbox.take():
            self._events += 1
            self._console.print(render_alert(event), "")

    def _show_standing(self, standing: Standing, census: Census, *, played: bool) -> None:
        # That a webhook of the user's does not answer matters only where we are to end.
        under_way = not (standing.finished if self._options.exits else standing.all_stored)
        if standing != self._last or not played or not under_way:
            self._last, self._moved_at = standing, time.monotonic()
        if time.monotonic() - self._moved_at > _STALLED_AFTER_S:
            said = tail(self._chain.state.logs / "worker-1.log")
            raise DemoStalled(f"nothing moved for {_STALLED_AFTER_S:g} s; worker-1 says:\n{said}")
        # What the user ingests beside the recording is stored too.
        expected = max(census.distinct, standing.stored)
        line = standing_line(standing, expected)
        self._status.update(line)
        due = time.monotonic() - self._said_at > _SAY_EVERY_S
        if not self._console.is_terminal and due and line != self._said:
            self._said, self._said_at = line, time.monotonic()
            self._console.print(line, soft_wrap=True)


def standing_line(standing: Standing, expected: int) -> str:
    """Return how far a demo is.

    Args:
        standing: Where it stands.
        expected: How many items are to be stored.
    """
    stored = f"{standing.stored:,}/{expected:,} items stored"
    if standing.event_at is None:
        return f"{stored}; the worker is loading the model"
    return (
        f"{stored}, at {standing.event_at:%Y-%m-%d %H:%M} UTC; "
        f"alerts: {standing.alerts}, firing: {standing.firing}"
    )
