"""The attention-surge detector: is there more news about this series than usual, of any tone?

For a desk that wants to know what is talked about before the tone is clear. Prefer the negative
spike for risk: results, launches and rumours surge too.
"""

from dataclasses import replace
from datetime import timedelta

from alerts.negative_spike import is_warm, share_z, volume_z
from alerts.series import Series, from_us
from alerts.types import Reading, Rule


def measure(series: Series, at: int, rule: Rule) -> Reading:
    """Measure all accounts of the two windows against the series' habit.

    Args:
        series: From at least the mentions of ``(at - rule.long_window, at]``.
        at: Event time, in microseconds since 1970.
        rule: ``min_negative`` and ``min_sources`` ask for accounts of any tone.

    Returns:
        The reading of the window that is further beyond the thresholds; the share is told, and not
        asked for.
    """
    readings = [_measure(series, at, window, rule) for window in (rule.window, rule.long_window)]
    most = max(readings, key=lambda reading: (reading.rank, reading.z_volume))
    return replace(most, clears=all(reading.clears for reading in readings))


def _measure(series: Series, at: int, window: timedelta, rule: Rule) -> Reading:
    counts, baseline = series.counts(at, window), series.baseline(at)
    # What is expected are accounts, what is observed outlets an hour: the habit is rather too high.
    expected = series.worth_h(at, window) * baseline.accounts_per_h
    z_volume = volume_z(counts.all_outlet_hours, expected)
    asked = max(rule.min_negative, rule.min_ratio * expected)
    eligible = (
        is_warm(series, at, rule)
        and counts.all_outlet_hours >= asked
        and counts.all_sources >= rule.min_sources
    )
    rank = z_volume / rule.min_z_volume if eligible else 0.0
    return Reading(
        at=from_us(at),
        window=window,
        observed=float(counts.all_outlet_hours),
        expected=expected,
        asked=asked,
        z_volume=z_volume,
        z_share=share_z(counts.negative, counts.accounts, baseline.share),
        items=counts.items,
        accounts=counts.accounts,
        stories=counts.stories,
        sources=counts.all_sources,
        negative=counts.negative,
        usual_share=baseline.share,
        rank=max(rank, 0.0),
        fires=rank >= rule.threshold,
        clears=z_volume < rule.clear_z and counts.all_outlet_hours < rule.clear_ratio * expected,
    )
