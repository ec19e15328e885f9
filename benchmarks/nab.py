"""How well does `tapewatch detect` find the labelled anomalies of the Numenta Anomaly Benchmark?

The rules are NAB's: in each window the earliest detection counts, the earlier the more; each
detection outside costs; one threshold for all series, the best; no detection is 0 and a perfect
detector 100. The best threshold is part of NAB's rules, so the score at the detector's own
alert level, 0.5, stands beside it. Reference: A. Lavin and S. Ahmad (2015), Evaluating
Real-Time Anomaly Detection Algorithms, ICMLA.
"""

import csv
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from alerts.streaming import StreamingDetector
from benchmarks.common import SHARED_DATA, Row, save, show_table
from pipeline.cli.fail import fail

_PROBATION, _MOST_PROBATION = 0.15, 750
ALERT = 0.5

errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a window found, a false detection and a window missed weigh."""

    found: float
    false: float
    missed: float


@dataclass(frozen=True, slots=True)
class Point:
    """A row past the probation: its score, and what a detection there is worth in a window or out.

    ``place`` is the value of NAB's sigmoid, in [-1, 1]; ``window`` is None outside.
    """

    score: float
    window: tuple[str, int] | None
    place: float


@dataclass(frozen=True, slots=True)
class Result:
    """The normalised score and what it was reached with."""

    score: float
    threshold: float
    found: int
    windows: int
    false: int


def sigmoid(position: float) -> float:
    """Return NAB's scaled sigmoid: near 1 far before a window's end, 0 at it, near -1 after."""
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def points(name: str, scores: Sequence[float], windows: Sequence[tuple[int, int]]) -> list[Point]:
    """Return the rows of a series that count.

    Args:
        name: Of the series, to tell its windows from another's.
        scores: One a row, in the order of time.
        windows: First and last row of each, both within it, in the order of time.
    """
    probation = int(min(_PROBATION * len(scores), _MOST_PROBATION))
    told = []
    for row in range(probation, len(scores)):
        begun = [k for k, (first, _) in enumerate(windows) if first <= row]
        if not begun:
            told.append(Point(scores[row], None, -1.0))
            continue
        first, last = windows[begun[-1]]
        if row <= last:
            place = sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1.0)
            told.append(Point(scores[row], (name, begun[-1]), place))
        else:
            behind = (row - last) / max(last - first, 1)
            told.append(Point(scores[row], None, -1.0 if behind > 3 else sigmoid(behind)))
    return told


def results(rows: Sequence[Point], profile: Profile) -> list[Result]:
    """Return NAB's normalised score at every threshold: none detected first, then ever more."""
    best = {row.window: -profile.missed for row in rows if row.window}
    total = -profile.missed * len(best)
    null, perfect = total, profile.found * len(best)
    if not best:
        raise ValueError("no labelled window lies past the probation: nothing to score")
    found = false = 0
    told = [Result(0.0, math.inf, 0, len(best), 0)]
    ordered = sorted(rows, key=lambda row: -row.score)
    for row, below in pairwise([*ordered, None]):
        if row is None:  # only `below` ever is
            break
        if row.window is None:
            total += profile.false * row.place
            false += 1
        elif profile.found * row.place > best[row.window]:
            found += best[row.window] == -profile.missed
            total += profile.found * row.place - best[row.window]
            best[row.window] = profile.found * row.place
        if below is None or below.score < row.score:
            normal = 100.0 * (total - null) / (perfect - null)
            told.append(Result(normal, row.score, found, len(best), false))
    return told


def best_score(rows: Sequence[Point], profile: Profile) -> Result:
    """Return the result at the threshold that is best for all rows together."""
    return max(results(rows, profile), key=lambda result: result.score)


def score_at(rows: Sequence[Point], profile: Profile, threshold: float) -> Result:
    """Return the result of the detections at or above a threshold."""
    return [told for told in results(rows, profile) if told.threshold >= threshold][-1]


def read_series(path: Path) -> list[tuple[datetime, float]]:
    """Return the times (as if UTC) and values of one of NAB's files."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [(_time(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _windows(times: Sequence[datetime], labels: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return the first and last row of each labelled window."""
    spans = ((_time(first), _time(last)) for first, last in labels)
    return [(bisect_left(times, first), bisect_right(times, last) - 1) for first, last in spans]


def read_profiles(path: Path) -> dict[str, Profile]:
    """Return NAB's profiles by name."""
    costs = {k: v["CostMatrix"] for k, v in json.loads(path.read_text(encoding="utf-8")).items()}
    return {k: Profile(c["tpWeight"], c["fpWeight"], c["fnWeight"]) for k, c in costs.items()}


def detect(folder: Path) -> dict[str, list[Point]]:
    """Score every labelled series of a folder, each by a detector of its own."""
    labels = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    told = {}
    for name in track(labels, "Scoring", console=errors, transient=True):
        detector = StreamingDetector()
        series = read_series(folder / name)
        scores = [detector.score(at, value) for at, value in series]
        told[name] = points(name, scores, _windows([at for at, _ in series], labels[name]))
    return told


def _measure(series: Mapping[str, list[Point]], profile: Profile) -> Row:
    everything = [row for rows in series.values() for row in rows]
    left_out = {}
    for name, rows in series.items():
        others = [row for other in series if other != name for row in series[other]]
        threshold = best_score(others, profile).threshold
        left_out[name] = asdict(score_at(rows, profile, threshold))
    return {
        "best": asdict(best_score(everything, profile)),
        "alerts": asdict(score_at(everything, profile, ALERT)),
        "left_out": left_out,
    }


def main(
    data: Annotated[
        Path, typer.Option("--data", help="Folder of CSV files, windows.json and profiles.json.")
    ] = SHARED_DATA / "nab",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
) -> None:
    """Score the detector by NAB's rules: tables to standard output, in Markdown."""
    if not (data / "windows.json").is_file() or not (data / "profiles.json").is_file():
        raise fail(f"{data} has no windows.json or no profiles.json; --data names the folder")
    series = detect(data)
    profiles = read_profiles(data / "profiles.json")
    measured = {name: _measure(series, profile) for name, profile in profiles.items()}
    keys = ("score", "threshold", "found", "windows", "false")
    rows = [
        [f"{name}, {kind}", *(told[kind][key] for key in keys)]
        for name, told in measured.items()
        for kind in ("best", "alerts")
    ]
    show_table("NAB: best threshold, and alerts as they are sent", ("profile", *keys), rows)
    rows = [
        [f"{name}, {file}", *(result[key] for key in keys)]
        for name, told in measured.items()
        for file, result in told["left_out"].items()
    ]
    show_table("Threshold chosen on the other series", ("profile, series", *keys), rows)
    save(json_file, measured)


if __name__ == "__main__":
    typer.run(main)
