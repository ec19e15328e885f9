"""The thresholds that are shipped, and how far a user's own may go."""

from datetime import timedelta

from alerts.types import Detector, Rule

LONGEST_WARM_UP = timedelta(days=28)
"""What a rule may ask for at most."""

_DAY = timedelta(hours=24)
DEFAULTS = {
    Detector.NEGATIVE_SPIKE: Rule(),
    # Any news counts, so more of it is asked for.
    Detector.ATTENTION_SURGE: Rule(
        Detector.ATTENTION_SURGE,
        min_negative=8,
        min_sources=4,
        min_ratio=3.0,
        min_z_volume=4.0,
        min_z_share=0.0,
    ),
    # Tone shows in many accounts only, so it is looked at by the day.
    Detector.TONE_SHIFT: Rule(
        Detector.TONE_SHIFT,
        window=_DAY,
        long_window=_DAY,
        min_sources=3,
        min_z_volume=0.0,
        min_z_share=1.2,
    ),
    Detector.SLOW_BURN: Rule(
        Detector.SLOW_BURN,
        window=_DAY,
        long_window=_DAY,
        min_ratio=1.5,
        min_z_volume=2.5,
        min_z_share=1.25,
        cooldown=timedelta(hours=48),
        # A week to judge, and one to judge it by.
        warm_up=timedelta(days=14),
    ),
}
"""The shipped thresholds of each detector."""
