"""The negative-spike detector: is bad news about this series well above its own habit?

A reading asks for volume and share together. Volume alone fires on any busy day, share alone on
two grumpy accounts of a company nobody writes about. What becomes of readings over time (firing,
hysteresis, cooldown) lives in ``walk``.
"""

from dataclasses import replace
from datetime import timedelta
from math import erfc, log, sqrt

from alerts.series import Series, from_us
from alerts.types import Detector, Reading, Rule, Severity

# Overdispersion of counts, variance = m + PHI * m^2: news comes in stories, which the baseline
# does not know. By moments on two quiet weeks of real feeds, the busiest companies lie between
# 0.05 and 1.8, their median at 0.8.
PHI = 0.8
# Correlation of tone within a window: the accounts of one story share it. At 0.2 however many
# accounts weigh as five independent ones at most. Found on invented news (docs/experiments.md):
# at 0.02 twice as many days of one bad story count as crises.
RHO = 0.2


def measure(series: Series, at: int, rule: Rule) -> Reading:
    """Measure one series at one moment; nothing after ``at`` is looked at.

    The windows are read one by one, and that which is further beyond the thresholds speaks.

    Args:
        series: From at least the mentions of ``(at - rule.long_window, at]``.
        at: Event time, in microseconds since 1970.
        rule: Thresholds.

    Returns:
        Counts, expectation and scores, and whether they fire or clear; it clears where all
        windows do.

    Reference:
        R. E. Watkins et al. (2008), BMC Medical Informatics and Decision Making 8:37, on the
        negative binomial in surveillance of counts.
    """
    readings = [_measure(series, at, window, rule) for window in (rule.window, rule.long_window)]
    most = max(readings, key=lambda reading: (reading.rank, reading.z_volume))
    return replace(most, clears=all(reading.clears for reading in readings))


def _measure(series: Series, at: int, window: timedelta, rule: Rule) -> Reading:
    counts, expected = series.counts(at, window), series.expected(at, window)
    z_volume = volume_z(counts.outlet_hours, expected)
    asked = max(rule.min_negative, rule.min_ratio * expected)
    usual_share = series.baseline(at).share
    z_share = share_z(counts.negative, counts.accounts, usual_share)
    eligible = (
        is_warm(series, at, rule)
        and counts.outlet_hours >= asked
        and counts.sources >= rule.min_sources
    )
    rank = min(z_volume / rule.min_z_volume, z_share / rule.min_z_share) if eligible else 0.0
    return Reading(
        at=from_us(at),
        window=window,
        observed=float(counts.outlet_hours),
        expected=expected,
        asked=asked,
        z_volume=z_volume,
        z_share=z_share,
        items=counts.items,
        accounts=counts.accounts,
        stories=counts.stories,
        sources=counts.sources,
        negative=counts.negative,
        usual_share=usual_share,
        rank=max(rank, 0.0),
        fires=rank >= rule.threshold,
        clears=(
            min(z_volume, z_share) < rule.clear_z
            and counts.outlet_hours < rule.clear_ratio * expected
        ),
    )


def is_warm(series: Series, at: int, rule: Rule) -> bool:
    """Tell whether the archive is old enough to judge a series."""
    return from_us(at) - from_us(series.archive_start_us) >= rule.warm_up


def severity_of(reading: Reading, rule: Rule) -> Severity:
    """Return how urgent a firing reading is."""
    if rule.detector is Detector.TONE_SHIFT:  # a share cannot be several times a usual one
        critical = reading.rank >= rule.critical_factor * rule.threshold
    else:
        critical = reading.observed >= rule.critical_factor * reading.asked
    return Severity.CRITICAL if critical else Severity.WARNING


def volume_z(observed: float, expected: float) -> float:
    """Score a count by its negative-binomial deviance.

    Args:
        observed: The count; half is taken off, for counts are whole.
        expected: Its mean, > 0.

    Returns:
        The signed root of the deviance: about standard normal where only chance is at work.
    """
    x, r = max(observed - 0.5, 0.0), 1 / PHI
    deviance = _xlog(x, expected) - (x + r) * log((x + r) / (expected + r))
    return _signed_root(2 * deviance, positive=x > expected)


def share_z(negative: int, accounts: int, share: float) -> float:
    """Score a share by its binomial deviance, damped by the correlation of tone.

    Args:
        negative: Negative accounts; half is taken off, for counts are whole.
        accounts: All accounts; with none the answer is 0.
        share: Expected share, strictly between 0 and 1.

    Returns:
        The signed root, as for ``volume_z``.
    """
    if accounts == 0:
        return 0.0
    x, expected = max(negative - 0.5, 0.0), accounts * share
    deviance = _xlog(x, expected) + _xlog(accounts - x, accounts - expected)
    return _signed_root(2 * deviance / (1 + (accounts - 1) * RHO), positive=x > expected)


def upper_tail(z: float) -> float:
    """Return the probability that a standard normal number is at least ``z``."""
    return erfc(z / sqrt(2)) / 2


def _xlog(x: float, mean: float) -> float:
    return x * log(x / mean) if x > 0 else 0.0


def _signed_root(square: float, *, positive: bool) -> float:
    root = sqrt(max(square, 0.0))  # Rounding can leave a tiny negative square.
    return root if positive else -root
