"""The figures of alerts in words, for every text that tells them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from alerts.types import Detector
from pipeline.catalogue import say

# An expectation reaches receivers with two digits: from here on a ratio to it is mostly rounding.
_MOST_TIMES = 100
_HALF_A_DIGIT = 0.005


def figure(number: float) -> str:
    """Return a count or an expectation with as many digits as it is good for: 0.08, 3.5, 24."""
    return f"{number:.0f}" if number >= 10 else f"{round(number, 2):.2g}"


def times(language: str, observed: float, expected: float) -> str:
    """Return "about 38 times as many" of two figures as an event has them, both >= 0."""
    if observed / (expected + _HALF_A_DIGIT) > _MOST_TIMES:
        return say(language, "times_over", times=_MOST_TIMES)
    ratio = observed / max(expected, _HALF_A_DIGIT)
    return say(language, "times_about", times=f"{float(f'{ratio:.2g}'):g}")


def window_hours(window: Mapping[str, str]) -> float:
    """Return the length of an event's window."""
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    return (end - start) / timedelta(hours=1)


def tell_end(language: str, alert: Mapping[str, Any]) -> str:
    """Return how an alert ended: its figures now, at the peak, and what was usual when it fired.

    What is usual has risen with the news of the crisis itself by then, so it alone would tell
    of a calm that is none.

    Args:
        language: "en" or "zh".
        alert: ``data`` of its last event, as JSON has it.
    """
    kind = "_attention" if alert["detector"] == Detector.ATTENTION_SURGE else ""
    observed, expected, hours = alert["observed"], alert["expected"], window_hours(alert["window"])
    now = {"now": figure(observed), "expected": figure(expected), "hours": f"{hours:g}"}
    reasons = alert.get("reasons") or {}
    fired, peak = reasons.get("fired"), reasons.get("peak")
    counted = say(language, f"counted{kind}")
    if not fired or not peak:  # of a version that did not keep them
        return say(language, "end_plain", counted=counted, **now)
    text = say(
        language,
        "end",
        counted=counted,
        peak=figure(peak["observed"]),
        peak_hours=f"{peak['hours']:g}",
        usual=figure(fired["expected"]),
        usual_hours=f"{fired['hours']:g}",
        **now,
    )
    usual_per_h = fired["expected"] / fired["hours"]
    if min(observed, expected) / hours > usual_per_h:
        text += say(language, "end_above", **now)
    return text
