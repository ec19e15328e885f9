"""Judge the detector and the usual rules on invented news with known crises.

python -m benchmarks.synthetic_suite --json out.json
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from alerts.types import Detector
from benchmarks.synthetic import rules
from benchmarks.synthetic.generators import CHANGES, CRISIS_H, GENERATORS, News
from benchmarks.synthetic.judge import at_false_rate, judge

_NAIVE: dict[str, tuple[Callable[[News], rules.Scored], float]] = {
    "mean + 3 SD": (rules.deviations, 3.0),
    "share over 40 %": (rules.share, 0.4),
    "three times the usual": (rules.ratio, 3.0),
}
"""Each with the threshold that it is used with."""


def main(
    series: Annotated[int, typer.Option(help="Companies of each generator.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the invented news.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="JSON to write.")] = None,
) -> None:
    """Print recall, delay and false episodes of each rule on each generator."""
    rows = []
    for name, generate in GENERATORS.items():
        spike = {Detector.NEGATIVE_SPIKE.value: Detector.NEGATIVE_SPIKE}
        rows += _judged(name, generate, series, seed, _NAIVE, spike, within_h=CRISIS_H)
    for name, (generate, within_h) in CHANGES.items():
        both = {one.value: one for one in (Detector.NEGATIVE_SPIKE, Detector(name))}
        rows += _judged(name, generate, series, seed, {}, both, within_h=within_h)
    table = Table("news", "rule", "threshold", "recall", "median delay, h", "false per 100 d")
    for row in rows:
        table.add_row(
            row["news"],
            row["rule"],
            f"{row['threshold']:.2f} ({row['at']})",
            f"{row['recall']:.2f}",
            f"{row['delay_h']:.1f}",
            f"{row['false_per_100']:.2f}",
        )
    Console().print(table)
    if json_file:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _judged(
    name: str,
    generate: Callable[[np.random.Generator], News],
    series: int,
    seed: int,
    naive: dict[str, tuple[Callable[[News], rules.Scored], float]],
    detectors: dict[str, Detector],
    *,
    within_h: float,
) -> list[dict[str, Any]]:
    """Return a row for each rule and each way to choose its threshold."""
    rng = np.random.default_rng(seed)
    news = [generate(rng) for _ in track(range(series), f"writing {name}", transient=True)]
    profile = rules.weekly(news)
    ours = {
        label: (partial(rules.tapewatch, profile=profile, detector=detector), 1.0)
        for label, detector in detectors.items()
    }
    rows = []
    for rule, (score, default) in {**naive, **ours}.items():
        scored = [score(one) for one in track(news, f"{rule} on {name}", transient=True)]
        for kind, verdict in (
            ("as used", judge(news, scored, default, within_h=within_h)),
            ("1 false per 100", at_false_rate(news, scored, within_h=within_h)),
        ):
            rows.append({"news": name, "rule": rule, "at": kind, **asdict(verdict)})
    return rows


if __name__ == "__main__":
    typer.run(main)
