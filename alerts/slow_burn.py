"""The slow-burn detector: a little more bad news every day, and never enough at once to stand out.

Two cumulative sums of log-likelihood ratios over the hours of a week, one of volume and one of
share; both must be high. They forget, so that last week's excess does not fire today.
"""

from math import log, sqrt

import numpy as np
import numpy.typing as npt

from alerts.negative_spike import RHO, is_warm
from alerts.series import Series, from_us
from alerts.types import Reading, Rule

DAYS = 7
# A shift to so many times the usual volume, or odds of being negative, is looked for.
_VOLUME, _ODDS = 3.0, 4.0
# What is left of an hour's evidence an hour later: a third after four days.
_KEPT = 0.99
# No hour tells more than this many times its usual volume, and one account: a spike is no burn.
_MOST = 3.0


def measure(series: Series, at: int, rule: Rule) -> Reading:
    """Measure the last week against the habit from before it.

    Args:
        series: From at least the mentions of ``(at - rule.long_window, at]`` and hours.
        at: Event time, in microseconds since 1970.
        rule: Counts are asked of the long window, the scores of the whole week.

    Returns:
        The reading; its scores are the signed roots of twice the sums, as those of the other
        detectors are of deviances.

    Reference:
        E. S. Page (1954), Biometrika 41, 100-115; R. E. Watkins et al. (2008), BMC Medical
        Informatics and Decision Making 8:37, on CUSUM in surveillance of counts.
    """
    usual = series.baseline(at, days_ago=DAYS)
    hours = series.hourly(at, days=DAYS)
    z_volume = sqrt(2 * _cusum(_volume_evidence(hours, usual.outlet_hours_per_h)))
    z_share = sqrt(2 * _cusum(_share_evidence(hours, usual.share)))
    counts = series.counts(at, rule.long_window)
    expected = series.worth_h(at, rule.long_window) * usual.outlet_hours_per_h
    asked = max(rule.min_negative, rule.min_ratio * expected)
    eligible = (
        is_warm(series, at, rule)
        and counts.outlet_hours >= asked
        and counts.sources >= rule.min_sources
    )
    rank = min(z_volume / rule.min_z_volume, z_share / rule.min_z_share) if eligible else 0.0
    return Reading(
        at=from_us(at),
        window=rule.long_window,
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
        usual_share=usual.share,
        rank=rank,
        fires=rank >= rule.threshold,
        clears=min(z_volume, z_share) < rule.clear_z,
    )


def _volume_evidence(hours: npt.NDArray[np.float64], per_h: float) -> npt.NDArray[np.float64]:
    expected = per_h * hours[:, 3]
    observed = np.minimum(hours[:, 0], 1 + _MOST * expected)
    return observed * log(_VOLUME) - expected * (_VOLUME - 1)


def _share_evidence(hours: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    negative, accounts = hours[:, 1], hours[:, 2]
    evidence = negative * log(_ODDS) - accounts * log(1 - share + _ODDS * share)
    damped: npt.NDArray[np.float64] = evidence / (1 + np.maximum(accounts - 1, 0) * RHO)
    return damped


def _cusum(evidence: npt.NDArray[np.float64]) -> float:
    total = 0.0
    for each in evidence.tolist():
        total = max(0.0, _KEPT * total + each)
    return total
