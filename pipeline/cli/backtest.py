"""`tapewatch backtest`: which alerts a stream or the database would have raised."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.fail import WRONG_USE, fail, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from db.rows import SeriesKey
    from pipeline.backtest.run import Fired
    from pipeline.backtest.truth import Crisis
    from pipeline.rules import Rules
    from pipeline.settings import Settings
    from pipeline.stages.archive import Archive

_errors = Console(stderr=True)


def backtest(
    stream: Annotated[
        Path | None,
        typer.Argument(help="JSON lines of news, plain or .gz.", exists=True, dir_okay=False),
    ] = None,
    *,
    from_db: Annotated[
        bool, typer.Option("--from-db", help="Take what is stored in the database instead.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML rules; those of the settings by default."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Show no alert that fired earlier: 2023-03-09, or 7d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Leave out news from this time on; 2023-03-09T12:00Z.")
    ] = None,
    scored: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Keep the classifier's results here, and take them from here the next time.",
        ),
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Write the events as JSON lines, as webhooks get."
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="RULES2", help="Tell what another file of rules would change."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Crises (entity,start,end) to measure the alerts by."),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Draw this company, topic or `all` (the market)."),
    ] = None,
    plot_file: Annotated[
        Path, typer.Option(dir_okay=False, help="Where to draw it: .html, .png or .svg.")
    ] = Path("backtest.html"),
) -> None:
    """Tell which alerts a stream or the database would have raised, and why.

    The same code as live, as of each moment, with nothing from the future (docs/backtest.md). All
    times are event times in UTC.
    """
    if (stream is None) == (not from_db):
        raise fail("give a STREAM or --from-db, and not both", status=WRONG_USE)
    if from_db and scored:
        raise fail("--scored is for a stream; the database has its results", status=WRONG_USE)
    from pipeline.backtest.truth import read_truth
    from pipeline.runtime import build_rules, load_settings

    settings = load_settings()
    # Before the minutes that classifying takes: what is wrong is told at once.
    own, other = build_rules(settings, rules), build_rules(settings, compare) if compare else None
    crises = read_truth(truth) if truth else []
    plotter = _plotter(plot, plot_file)
    with _archive(settings, stream, scored, until) as archive:
        start, end = archive.start(), archive.end()
        if start is None or end is None:
            raise fail("there is no news to test on")
        run = _Run(archive, end=_end(until, end), since=_moment(since, end) or start)
        found = run.alerts(own, "evaluating the rules")
        run.report(found, own, crises)
        if alerts:
            _write(alerts, found)
        if other:
            from pipeline.cli.backtest_views import show_difference

            others = [alert for alert in run.alerts(other, "evaluating the others") if alert.told]
            told = [alert for alert in found if alert.told]
            show_difference(told, others, until=run.end)
        if plot and plotter:
            run.plot(plot, own, found, plot_file)


class _Run:
    """One archive between two moments."""

    def __init__(self, archive: Archive, *, since: datetime, end: datetime) -> None:
        self._archive = archive
        self._since = since
        self.end = end

    def alerts(self, rules: Rules, what: str) -> list[Fired]:
        """Return the alerts that fired since the first moment, with a progress bar meanwhile."""
        from pipeline.backtest.run import alerts_of
        from pipeline.backtest.run import backtest as run

        start = self._archive.start() or self.end
        total = (self.end - start).total_seconds()
        with _progress() as progress:
            task = progress.add_task(what, total=total)

            def tell(reached: datetime) -> None:
                progress.update(task, completed=(reached - start).total_seconds())

            found = alerts_of(run(self._archive, rules, until=self.end, on_progress=tell))
        return [alert for alert in found if alert.last.fired_at >= self._since]

    def report(self, found: Sequence[Fired], rules: Rules, crises: Sequence[Crisis]) -> None:
        """Print the alerts, the days, and how well they meet the crises."""
        from pipeline.backtest.truth import judge
        from pipeline.cli.backtest_views import show_alerts, show_verdict

        watched = [key for key in self._archive.series(kinds=rules.kinds) if rules.of(key)]
        show_alerts(found, since=self._since, until=self.end, series=len(watched))
        if crises:
            names = self._archive.names(watched)
            days = (self.end - self._since).total_seconds() / 86_400
            show_verdict(judge([one for one in found if one.told], crises, names=names, days=days))

    def plot(self, name: str, rules: Rules, found: Sequence[Fired], path: Path) -> None:
        """Draw the series of that name."""
        from pipeline.backtest.plot import draw, points

        key = _find(self._archive, name, rules)
        scoped = rules.of(key)
        if scoped is None:
            raise fail(f"no rule watches {self._archive.names([key])[key]}", status=WRONG_USE)
        line = points(self._archive, key, scoped.rule, since=self._since, until=self.end)
        mine = [alert.last for alert in found if alert.scope == key]
        draw(line, mine, title=self._archive.names([key])[key], path=path)
        typer.echo(f"drawn: {path}")


@contextmanager
def _archive(
    settings: Settings, stream: Path | None, scored: Path | None, until: str | None
) -> Iterator[Archive]:
    from pipeline.backtest.memory_archive import MemoryArchive
    from pipeline.stages.archive import StoredArchive

    if stream is None:
        from pipeline.cli.database import open_session

        with open_session(settings) as session:
            yield StoredArchive(session)
        return
    from pipeline.backtest.scoring import read_recording, score
    from pipeline.runtime import (
        build_classifier,
        build_floors,
        build_gazetteer,
        build_limits,
        classifier_version,
    )

    before = None if until is None else _moment(until, None)
    recording = read_recording(stream, limits=build_limits(settings), until=before)
    with _progress() as progress:
        version = classifier_version(settings)
        task = progress.add_task(f"classifying with {version}", total=len(recording.items))
        rows = score(
            recording.items,
            version=version,
            load=lambda: (build_classifier(settings), build_gazetteer(settings)),
            floors=build_floors(settings),
            kept=scored,
            on_progress=lambda done: progress.update(task, advance=done),
        )
    lost = len(recording.items) - len(rows) + recording.unreadable
    typer.echo(f"{len(rows):,} items, {lost:,} of the stream's lines would be dead letters")
    yield MemoryArchive(rows)


def _progress() -> Progress:
    share = TextColumn("{task.percentage:>3.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, console=_errors, transient=True)


def _moment(text: str | None, newest: datetime | None) -> datetime | None:
    """Return a time; one that counts back needs to know from when."""
    from datetime import UTC, datetime

    from pipeline.series import parse_moment

    if text is None:
        return None
    return parse_moment(text, newest=newest or datetime.now(UTC))


def _end(until: str | None, newest: datetime) -> datetime:
    """Return the last moment that is evaluated: that of an item, or just before ``until``."""
    from datetime import timedelta

    moment = _moment(until, newest)
    return newest if moment is None else min(newest, moment - timedelta(microseconds=1))


def _find(archive: Archive, name: str, rules: Rules) -> SeriesKey:
    wanted = name.strip().lower()
    names = archive.names(archive.series(kinds=rules.kinds))
    found = [key for key, label in names.items() if wanted in {key.id.lower(), label.lower()}]
    if not found:
        raise fail(f"no watched series is called {name!r}: give its name or id as alerts show it")
    if len(found) > 1:
        raise fail(f"{name!r} may be {', '.join(key.id for key in found)}; give the id")
    return found[0]


def _plotter(plot: str | None, path: Path) -> bool:
    if plot is None:
        return False
    from importlib.util import find_spec

    if path.suffix.lower() not in {".html", ".png", ".svg"}:
        raise fail(
            f"cannot draw {path}: its name must end in .html, .png or .svg", status=WRONG_USE
        )
    if find_spec("matplotlib") is None:
        raise fail(missing("matplotlib", "plot"))
    return True


def _write(path: Path, found: Sequence[Fired]) -> None:
    changes = [change for alert in found for change in alert.changes]
    changes.sort(key=lambda change: change.event.at)
    try:
        path.write_text("".join(change.event.body + "\n" for change in changes), encoding="utf-8")
    except OSError as error:
        raise fail(f"cannot write {path}: {error.strerror}") from error
