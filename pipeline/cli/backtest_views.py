"""A backtest's result as people read it on a terminal."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from alerts.messages import AlertEvent
from pipeline.backtest.run import Difference, Fired, compare
from pipeline.backtest.truth import Verdict
from pipeline.cli.render import counted, render_alert
from pipeline.cli.trimmed import Trimmed

_DAY = timedelta(days=1)
_INDENT = (0, 0, 0, 2)
# In a file, lines that only a screen would break are left whole.
_console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def show_alerts(alerts: Sequence[Fired], *, since: datetime, until: datetime, series: int) -> None:
    """Print each alert with its evidence, then a line a day, then the totals."""
    told = [alert for alert in alerts if alert.told]
    for alert in told:
        event = AlertEvent.model_validate_json(alert.first.event.body)
        _console.print(render_alert(event, evidence=5))
        _console.print(Trimmed(Padding(_more(alert), _INDENT)), "")
    _console.print(Trimmed(_days(told, since, until)))
    days = max((until - since) / _DAY, 1e-9)
    total = (
        f"{counted(len(told), 'alert')} on {len({alert.scope for alert in told})} of {series:,} "
        f"series, {_time(since)} to {_time(until)}: {len(told) / days:.2f} a day"
    )
    if unsent := len(alerts) - len(told):
        total += f"; {unsent} more not sent, for one of these tells the same news"
    _console.print(total)


def show_verdict(verdict: Verdict) -> None:
    """Print how well the alerts meet the crises."""
    table = Table(title="Crises", title_justify="left")
    for column in ("entity", "start", "first alert", "delay"):
        table.add_column(column)
    for crisis, alert in verdict.caught:
        fired, delay = "missed", ""
        if alert is not None:
            fired, delay = _time(alert.last.fired_at), _length(alert.last.fired_at - crisis.start)
        table.add_row(Text(crisis.entity), _time(crisis.start), fired, delay)
    _console.print(Trimmed(table))
    median = verdict.median_delay
    _console.print(
        f"recall {verdict.recall:.2f}, median delay {'-' if median is None else _length(median)}, "
        f"{counted(len(verdict.false), 'false alert')}, "
        f"{verdict.false_per_100_series_days:.4f} for every 100 of "
        f"{verdict.series_days:,.0f} series-days"
    )


def show_difference(first: Sequence[Fired], second: Sequence[Fired], *, until: datetime) -> None:
    """Print which alerts the second rules add, drop, move in time, or give another severity."""
    found: Difference = compare(first, second, until=until)
    changed = [(_change(*pair), *pair) for pair in found.both if _change(*pair)]
    moved = sum("moved" in change for change, _, _ in changed)
    table = Table(title="With the other rules", title_justify="left")
    for column in ("change", "series", "fired", "with the other rules"):
        table.add_column(column)
    for alert in found.only_first:
        table.add_row("gone", Text(alert.last.scope_name), _said(alert), "")
    for alert in found.only_second:
        table.add_row("new", Text(alert.last.scope_name), "", _said(alert))
    for change, one, other in changed:
        table.add_row(change, Text(one.last.scope_name), _said(one), _said(other))
    _console.print(Trimmed(table))
    _console.print(
        f"{counted(len(first), 'alert')} without the other rules, {len(second)} with them: "
        f"{len(found.only_first)} gone, {len(found.only_second)} new, "
        f"{moved} moved, {len(changed) - moved} of another severity alone, "
        f"{len(found.both) - len(changed)} the same"
    )


def _change(one: Fired, other: Fired) -> str:
    """Return what the other rules change of an alert that both have; empty: nothing."""
    moved = one.last.fired_at != other.last.fired_at
    severity = one.last.severity != other.last.severity
    return ", ".join(["moved"] * moved + ["severity"] * severity)


def _said(alert: Fired) -> str:
    return f"{_time(alert.last.fired_at)}, {alert.last.severity}"


def _more(alert: Fired) -> Text:
    reading, last = alert.first.reading, alert.last
    ended = "still firing" if last.resolved_at is None else f"resolved {_time(last.resolved_at)}"
    others = ", ".join(scope["name"] for scope in last.related)
    reasons = AlertEvent.model_validate_json(alert.first.event.body).data.reasons
    asked = ""
    if reasons is not None:
        asked = f" (the alert budget asked for {reasons.threshold:.2f} times the rule's)"
    return Text(
        f"rule {last.rule or '-'}; scores: volume {reading.z_volume:.1f}, "
        f"share {reading.z_share:.1f}{asked}; {ended}, {last.severity}"
        f"{f'; also about {others}' if others else ''}; id {last.id}",
        "dim",
    )


def _days(alerts: Sequence[Fired], since: datetime, until: datetime) -> Table:
    names: dict[date, list[str]] = {}
    for alert in alerts:
        names.setdefault(alert.last.fired_at.date(), []).append(alert.last.scope_name)
    table = Table(title="Alerts a day (UTC)", title_justify="left")
    table.add_column("day")
    table.add_column("alerts", justify="right")
    table.add_column("on")
    day = since.date()
    while day <= until.date():
        told = Counter(names.get(day, []))
        words = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in told.items())
        table.add_row(f"{day}", str(told.total()), Text(words))
        day += _DAY
    return table


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _length(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.1f} h"
