"""An alert, and what else a webhook tells, as people read it on a terminal."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from alerts.messages import AlertEvent, Evidence
from alerts.notices import Notice
from alerts.types import Detector, Severity, TransitionKind
from pipeline.cli.trimmed import Trimmed
from pipeline.figures import figure, tell_end, times

_SHOWN = 3
_INDENT = (0, 0, 0, 2)
_HEADS = {
    TransitionKind.FIRED: "ALERT",
    TransitionKind.UPDATED: "ALERT, updated",
    TransitionKind.RESOLVED: "resolved",
}
_STYLES = {Severity.WARNING: "bold yellow", Severity.CRITICAL: "bold red"}


def render_alert(event: AlertEvent, *, evidence: int = _SHOWN) -> RenderableType:
    """Return an event as text: what rose, from what to what, over which window, and why.

    Shows the ``evidence`` most telling items. Nothing in it is taken for markup or for a
    terminal's control codes.
    """
    alert = event.data
    resolved = event.type is TransitionKind.RESOLVED
    style = "bold green" if resolved else _STYLES[alert.severity]
    head = Text()
    head.append(f"{_HEADS[event.type]} ", style)
    head.append(_safe(alert.scope.name), "bold")
    head.append(f" ({alert.scope.kind} {_safe(alert.scope.id)}), {alert.severity}", "dim")
    head.append(f"  {_time(event.timestamp)}")
    if alert.suppressed_by is not None:
        head.append("  not sent: another alert tells the same news", "dim")
    what = Text(tell_end("en", alert.model_dump(mode="json")) if resolved else _rise(event))
    window = Text(
        f"{_time(alert.window.start)} to {_time(alert.window.end)}: {_told(event)}", "dim"
    )
    if alert.related:
        names = ", ".join(_safe(scope.name) for scope in alert.related)
        window.append(f" The same news is about {names}.")
    if alert.flapping:
        window.append(" It came back too often today: it ends once it has been quiet for long.")
    # A resolved alert's evidence was shown when it fired.
    shown = () if resolved else alert.evidence[:evidence]
    body = Group(what, window, _table(shown)) if shown else Group(what, window)
    return Trimmed(Group(head, Padding(body, _INDENT, expand=False)))


def render_notice(notice: Notice, body: bytes) -> RenderableType:
    """Return an event that is about no single alert: its type, its time, and its data as JSON."""
    data = json.dumps(json.loads(body).get("data"), ensure_ascii=False)
    head = Text(f"{_safe(notice.type)}  {_time(notice.timestamp)}", "bold")
    return Trimmed(Group(head, Padding(Text(_safe(data)), _INDENT, expand=False)))


def _table(shown: Sequence[Evidence]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # half of an address leads nowhere
    for each in shown:
        item = Text(f"{_time(each.published_at)}  {_safe(each.source)}  ", "dim")
        item.append(_safe(each.title), "not dim")
        if each.url:
            item.append(f"\n{_safe(each.url)}")
        table.add_row(Text(f"{each.score:+z.2f}", "red" if each.score < 0 else "green"), item)
    return table


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _rise(event: AlertEvent) -> str:
    alert = event.data
    counted = "Accounts" if alert.detector == Detector.ATTENTION_SURGE else "Negative accounts"
    hours = (alert.window.end - alert.window.start) / timedelta(hours=1)
    usual = f"{figure(alert.observed)} where {figure(alert.expected)} is usual"
    many = times("en", alert.observed, alert.expected)
    return f"{counted} in {hours:g} h rose to {usual}, {many}."


def _told(event: AlertEvent) -> str:
    alert = event.data
    if not alert.items:
        return "no items."
    return (
        f"{counted(alert.items, 'item')}, {alert.accounts} of them no "
        f"{'copy' if alert.accounts == 1 else 'copies'}; the negative ones tell "
        f"{counted(alert.stories, 'story', 'stories')} from {counted(alert.sources, 'source')}."
    )


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: "1 alert", "1,200 alerts"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _safe(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
