"""Draws one series: what was observed, what was expected, what firing asks for, the alerts.

Needs matplotlib, the `plot` extra. The file is complete in itself.
"""

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from alerts.types import Rule
from db.alert_rows import AlertRow
from db.rows import SeriesKey
from pipeline.stages.archive import Archive
from pipeline.stages.reading import measure_at

_STEP = timedelta(hours=1)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    '<body style="margin:2rem">{svg}</body></html>\n'
)


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a series.

    Attributes:
        observed: In the window that ends at ``at``.
        expected: The same as the baseline expects it.
        needed: Fewest that can fire, whatever the scores.
    """

    at: datetime
    observed: float
    expected: float
    needed: float


def points(
    archive: Archive, key: SeriesKey, rule: Rule, *, since: datetime, until: datetime
) -> list[Point]:
    """Return an hour by hour reading of a series, each as of its moment."""
    found: list[Point] = []
    at = since
    while at <= until:
        reading = measure_at(archive, key, at, rule).reading
        found.append(Point(at, reading.observed, reading.expected, reading.asked))
        at += _STEP
    return found


def draw(line: Sequence[Point], alerts: Sequence[AlertRow], *, title: str, path: Path) -> None:
    """Draw a series with its alerts into a file; raises OSError if it cannot be written.

    Args:
        line: The series, by event time.
        alerts: Those of the series; one that is open ends with the line.
        title: What people call the series.
        path: Ends in .html, .png or .svg.
    """
    figure = Figure(figsize=(14, 5), layout="constrained")
    axes = figure.add_subplot()
    times = [_days(point.at) for point in line]
    expected = [point.expected for point in line]
    needed = [point.needed for point in line]
    axes.fill_between(
        times, expected, needed, color="tab:blue", alpha=0.15, label="up to what firing asks for"
    )
    axes.plot(times, expected, color="tab:blue", label="expected")
    observed = [point.observed for point in line]
    axes.step(times, observed, where="post", color="black", lw=1, label="observed")
    for number, alert in enumerate(alerts):
        start = _days(alert.fired_at)
        end = _days(alert.resolved_at) if alert.resolved_at else times[-1]
        label = None if number else "alert"
        axes.axvspan(start, end, color="tab:red", alpha=0.2)
        axes.axvline(start, color="tab:red", lw=1, label=label)
    with mpl.rc_context({"date.converter": "concise"}):
        axes.xaxis_date()
    axes.set_ylabel("negative accounts in the window that speaks")
    axes.set_title(f"{title} (UTC)", parse_math=False)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")
    _save(figure, title, path)


def _days(moment: datetime) -> float:
    """Return a time as matplotlib counts it, in days since 1970."""
    return moment.timestamp() / 86_400


def _save(figure: Figure, title: str, path: Path) -> None:
    if path.suffix.lower() == ".png":
        figure.savefig(path, dpi=120)
        return
    text = io.StringIO()
    # Text as outlines: the reader needs none of our fonts.
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "tapewatch"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    if path.suffix.lower() == ".html":
        svg = _PAGE.format(title=html.escape(title), svg=svg[svg.index("<svg") :])
    path.write_text(svg, encoding="utf-8")
