"""The tone-shift detector: do the usual voices speak worse of this series than they used to?

Volume may be as always. Tone shows in many accounts only: this is for companies and topics that
are written about every day, and for those the negative spike needs a multiple of the usual volume.
"""

from alerts.negative_spike import is_warm, share_z
from alerts.series import Series, from_us
from alerts.types import Reading, Rule

# Fewer say nothing of tone: at a quarter negative, one in thirty windows of six has four or more.
MIN_ACCOUNTS = 20


def measure(series: Series, at: int, rule: Rule) -> Reading:
    """Measure the negative share of the long window against the series' habit.

    Args:
        series: From at least the mentions of ``(at - rule.long_window, at]``.
        at: Event time, in microseconds since 1970.
        rule: The volume score is told, and not asked for.

    Returns:
        The reading.

    Reference:
        M. R. Reynolds and Z. G. Stoumbos (1999), Journal of Quality Technology 31(1), 87-108, on
        control charts for a proportion.
    """
    counts, baseline = series.counts(at, rule.long_window), series.baseline(at)
    z_share = share_z(counts.negative, counts.accounts, baseline.share)
    eligible = (
        is_warm(series, at, rule)
        and counts.accounts >= MIN_ACCOUNTS
        and counts.negative >= rule.min_negative
        and counts.sources >= rule.min_sources
    )
    rank = z_share / rule.min_z_share if eligible else 0.0
    return Reading(
        at=from_us(at),
        window=rule.long_window,
        observed=float(counts.negative),
        expected=counts.accounts * baseline.share,
        asked=float(rule.min_negative),
        z_volume=0.0,
        z_share=z_share,
        items=counts.items,
        accounts=counts.accounts,
        stories=counts.stories,
        sources=counts.sources,
        negative=counts.negative,
        usual_share=baseline.share,
        rank=max(rank, 0.0),
        fires=rank >= rule.threshold,
        clears=z_share < rule.clear_z,
    )
