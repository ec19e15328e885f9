"""What a rule is worth: recall, delay and false episodes at a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.synthetic.generators import CRISIS_H, HOURS, WARM_UP_H, News
from benchmarks.synthetic.rules import Scored

_GAP_H = 6.0
"""Firings closer than this are one episode: the cooldown."""
_AFTERMATH_H = 60.0
"""What fires so long after a crisis could be found is about it, neither found nor false."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one rule at one threshold.

    Attributes:
        recall: Share of the crises that are found within 12 h of their first account.
        delay_h: Median time to that of those that are found.
        false_per_100: False episodes per 100 series-days.
    """

    threshold: float
    recall: float
    delay_h: float
    false_per_100: float


def judge(
    news: Sequence[News],
    scored: Sequence[Scored],
    threshold: float,
    *,
    within_h: float = CRISIS_H,
) -> Verdict:
    """Judge firings at a threshold over all series; found is what fires within so many hours."""
    delays: list[float] = []
    crises = false = 0
    for one, told in zip(news, scored, strict=True):
        at = told.at[(told.score >= threshold) & (told.at >= WARM_UP_H)]
        starts = np.array(one.crises)
        crises += len(starts)
        for start in starts:
            hits = at[(at >= start) & (at <= start + within_h)]
            delays += [float(hits[0] - start)] if len(hits) else []
        if len(at):
            first = at[np.concatenate([[True], np.diff(at) > _GAP_H])]
            since = first[:, None] - starts[None, :]
            false += int((~((since >= -1) & (since <= within_h + _AFTERMATH_H)).any(1)).sum())
    days = len(news) * (HOURS - WARM_UP_H) / 24
    return Verdict(
        threshold,
        len(delays) / max(crises, 1),
        float(np.median(delays)) if delays else float("nan"),
        100 * false / days,
    )


def at_false_rate(
    news: Sequence[News],
    scored: Sequence[Scored],
    per_100: float = 1.0,
    *,
    within_h: float = CRISIS_H,
) -> Verdict:
    """Judge at the lowest threshold that keeps false episodes within a rate."""
    values = np.unique(np.concatenate([one.score[one.score > 0] for one in scored]))
    if not len(values):
        return judge(news, scored, float("inf"), within_h=within_h)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        verdict = judge(news, scored, float(values[middle]), within_h=within_h)
        if verdict.false_per_100 <= per_100:
            high = middle
        else:
            low = middle + 1
    return judge(news, scored, float(values[high]), within_h=within_h)
