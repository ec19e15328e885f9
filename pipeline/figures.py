"""The figures of alerts in words, for every text that tells them."""

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
