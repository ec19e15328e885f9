"""`tapewatch explain-alert`: why an alert fired, computed anew from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipeline.cli.alert_ids import AlertId
from pipeline.cli.fail import FAILED, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from alerts.messages import Story, Tone
    from pipeline.explained_alert import Explained, Said


def explain_alert(
    alert_id: AlertId,
) -> None:
    """Recompute a stored alert as of its moments, and tell whether the numbers are the same.

    Ends with status 1 where they are not: late news has come, or items were removed.
    """
    from pipeline.cli.database import open_session
    from pipeline.explained_alert import NoSuchAlert
    from pipeline.explained_alert import explain_alert as run
    from pipeline.runtime import build_rules, load_settings

    settings = load_settings()
    rules = build_rules(settings)
    try:
        with open_session(settings) as session:
            explained = run(session, alert_id, rules)
    except NoSuchAlert as error:
        raise fail(str(error)) from error
    _show(explained)
    if not explained.equal:
        raise typer.Exit(FAILED)


def _show(explained: Explained) -> None:
    from rich.console import Console

    from pipeline.cli.render import render_alert
    from pipeline.cli.trimmed import Trimmed

    console = Console(highlight=False)
    first = explained.said[0]
    console.print(render_alert(first.event, evidence=5), "")
    console.print(Trimmed(_compared_with(explained, first)), "")
    console.print(Trimmed(_tones(explained)), "")
    if first.event.data.reasons:
        console.print(Trimmed(_stories(first.event.data.reasons.stories)), "")
    console.print(
        "classified by " + (", ".join(explained.models) or "nothing that is still stored")
    )
    for said in explained.said:
        told = "; ".join(
            f"{name} was {then:g} and is now {now:g}"
            for name, (then, now) in said.differences.items()
        )
        console.print(
            f"{said.event.timestamp:%Y-%m-%d %H:%M:%S} {said.event.type.value}: "
            + (told or "the same numbers")
        )


def _compared_with(explained: Explained, first: Said) -> Table:
    from alerts.negative_spike import upper_tail

    measured, rule = first.measured, explained.rule
    reading, baseline = measured.reading, measured.baseline
    share = reading.negative / reading.accounts if reading.accounts else 0.0
    z_volume, z_share = rule.threshold * rule.min_z_volume, rule.threshold * rule.min_z_share
    kind, per_h = "negative accounts", baseline.outlet_hours_per_h
    if rule.detector.any_tone:
        kind, per_h = "accounts", baseline.accounts_per_h
    return _table(
        ("", "observed", "compared with", "the rule asks for"),
        [
            (
                f"{kind}, a source once an hour",
                f"{reading.observed:g}",
                f"{reading.expected:.3f} expected ({per_h * 24:.2f} a day)",
                f"{reading.asked:.2f}",
            ),
            (
                "negative share of accounts",
                f"{share:.3f}",
                f"{baseline.share:.3f} usual (market {measured.market.negative_share:.3f})",
                "",
            ),
            (
                "volume score",
                f"{reading.z_volume:.2f}",
                "0",
                f"{z_volume:.2f}",
            ),
            (
                "its p-value",
                f"{upper_tail(reading.z_volume):.2g}",
                "0.5",
                f"{upper_tail(z_volume):.2g}",
            ),
            (
                "share score",
                f"{reading.z_share:.2f}",
                "0",
                f"{z_share:.2f}",
            ),
            (
                "times the rule's own scores, the alert budget's threshold",
                f"{reading.rank:.2f}",
                "",
                f"{rule.threshold:.2f}",
            ),
            ("sources", f"{reading.sources}", "", f"{rule.min_sources}"),
            ("items, copies among them", f"{reading.items}, {measured.copies}", "", ""),
            ("accounts, stories", f"{reading.accounts}, {reading.stories}", "", ""),
        ],
        title=f"Rule: {explained.rule_name or 'none watches this series now'}",
    )


def _tones(explained: Explained) -> Table:
    def row(when: str, tone: Tone) -> tuple[str, ...]:
        if tone.negative_share is None or tone.mean_score is None:
            return when, "0", "", ""
        return when, f"{tone.accounts}", f"{tone.negative_share:.2f}", f"{tone.mean_score:+.2f}"

    return _table(
        ("tone", "accounts", "negative share", "mean score"),
        [
            row("in the week before the window", explained.before),
            row("in the window", explained.during),
            row("since then", explained.after),
        ],
    )


def _stories(stories: Sequence[Story]) -> Table:
    return _table(
        ("stories", "accounts", "copies", "sources"),
        [
            (
                f"{story.title}\n{story.url or ''}".strip(),
                f"{story.accounts}",
                f"{story.copies}",
                f"{story.sources}",
            )
            for story in stories
        ],
    )


def _table(
    columns: tuple[str, ...], rows: list[tuple[str, ...]], title: str | None = None
) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table
