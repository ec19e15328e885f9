"""The streaming score: nothing from the future, a burst is told once, bad rows are refused."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.streaming import StreamingDetector

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAY = 288


def scored(values: list[float], step: timedelta = STEP) -> list[float]:
    detector = StreamingDetector()
    return [detector.score(START + i * step, value) for i, value in enumerate(values)]


@settings(deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), max_size=120), cut=st.integers(0, 120))
def test_a_prefix_of_the_series_has_a_prefix_of_the_scores(values: list[float], cut: int) -> None:
    hourly = timedelta(hours=1)

    scores = scored(values, hourly)

    assert scored(values[:cut], hourly) == scores[:cut]
    assert all(0.0 <= score < 1.0 for score in scores)


@pytest.mark.parametrize("mean", [0.5, 5.0, 50.0])
def test_a_burst_in_noisy_counts_is_told_once_and_noise_seldom(mean: float) -> None:
    counts = np.random.default_rng(7).negative_binomial(2, 2 / (2 + mean), 20 * DAY)
    counts[15 * DAY : 15 * DAY + 24] += int(20 * mean) + 10

    alerts = [i for i, score in enumerate(scored(counts.tolist())) if score >= 0.5]

    burst = [i for i in alerts if 0 <= i - 15 * DAY < DAY]
    assert len(burst) == 1
    assert burst[0] - 15 * DAY < 6
    assert len(alerts) <= 4


def test_a_series_that_never_moves_scores_nothing() -> None:
    assert max(scored([7.0] * 3 * DAY)) < 0.01


def test_the_first_day_scores_nothing() -> None:
    assert set(scored([0.0] * (DAY - 1) + [1000.0])) == {0.0}


def test_rows_out_of_order_and_values_that_are_no_number_are_refused() -> None:
    detector = StreamingDetector()
    detector.score(START, 1.0)

    with pytest.raises(ValueError, match="sort the rows"):
        detector.score(START - STEP, 1.0)
    with pytest.raises(ValueError, match="not a finite number"):
        detector.score(START, math.nan)
