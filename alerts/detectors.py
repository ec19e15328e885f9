"""What each detector asks of a series; all are pure functions of it, and walk alike."""

from collections.abc import Callable
from dataclasses import replace

from alerts import attention_surge, negative_spike, slow_burn, tone_shift
from alerts.series import Series
from alerts.types import Detector, Reading, Rule

_MEASURES: dict[Detector, Callable[[Series, int, Rule], Reading]] = {
    Detector.NEGATIVE_SPIKE: negative_spike.measure,
    Detector.ATTENTION_SURGE: attention_surge.measure,
    Detector.TONE_SHIFT: tone_shift.measure,
    Detector.SLOW_BURN: slow_burn.measure,
}


def measure(series: Series, at: int, rule: Rule) -> Reading:
    """Measure one series at one moment as the rule's detector does; nothing later is looked at.

    A budget may ask for less than a rule's own scores: what fires then never clears as well.
    """
    reading = _MEASURES[rule.detector](series, at, rule)
    return replace(reading, clears=reading.clears and not reading.fires)


def next_step(series: Series, after: int, rule: Rule) -> int | None:
    """Return the next moment at which an alert may fire: the time of an account that counts."""
    if rule.detector.any_tone:
        return series.next_account(after)
    return series.next_negative(after)
