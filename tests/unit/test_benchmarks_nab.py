"""NAB's scoring function, on cases computed by hand, and on the real series where they are."""

import math

import pytest

from benchmarks.common import SHARED_DATA
from benchmarks.nab import Profile, best_score, detect, points, read_profiles, score_at, sigmoid

STANDARD = Profile(found=1.0, false=0.11, missed=1.0)


def series(*detected: int) -> list[float]:
    return [1.0 if row in detected else 0.0 for row in range(100)]


def score(*detected: int) -> float:
    return score_at(points("a", series(*detected), [(40, 49)]), STANDARD, 1.0).score


def test_a_detection_in_the_first_row_of_the_window_is_perfect() -> None:
    assert score(40) == pytest.approx(100.0)


def test_a_later_detection_is_worth_less_and_only_the_earliest_counts() -> None:
    halfway = sigmoid(-0.5) / sigmoid(-1.0)  # row 45: five rows of ten are left

    assert halfway == pytest.approx(math.tanh(1.25) / math.tanh(2.5))
    assert score(45) == pytest.approx(100 * (halfway + 1) / 2)
    assert score(45, 47) == score(45)


def test_a_false_detection_costs_by_its_distance_behind_the_window() -> None:
    assert score(40, 30) == pytest.approx(100 - 5.5)  # before any window: 0.11 of 2
    assert score(40, 90) == pytest.approx(100 - 5.5)  # more than three lengths behind
    assert score(40, 50) == pytest.approx(100 - 5.5 * math.tanh(2.5 / 9))


def test_nothing_detected_is_0_and_the_first_15_percent_do_not_count() -> None:
    silent = best_score(points("a", [0.0] * 100, [(40, 49)]), STANDARD)

    assert (silent.score, silent.found, silent.false) == (0.0, 0, 0)
    assert score(14, 40) == pytest.approx(100.0)
    assert score(15, 40) == pytest.approx(100 - 5.5)


def test_the_best_threshold_is_one_for_all_series() -> None:
    first, second = [0.0] * 100, [0.0] * 100
    first[40], second[40], second[30] = 0.9, 0.5, 0.7

    told = best_score(points("a", first, [(40, 49)]) + points("b", second, [(40, 49)]), STANDARD)

    assert (told.threshold, told.found, told.false) == (0.5, 2, 1)
    assert told.score == pytest.approx(100 - 2.75)


def test_series_without_a_window_to_find_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        best_score(points("a", [0.0] * 100, []), STANDARD)


@pytest.mark.skipif(not (SHARED_DATA / "nab").is_dir(), reason="needs the NAB series")
def test_the_detector_keeps_its_score_on_the_real_series() -> None:
    rows = [row for own in detect(SHARED_DATA / "nab").values() for row in own]
    profiles = read_profiles(SHARED_DATA / "nab" / "profiles.json")

    assert best_score(rows, profiles["standard"]).score >= 80
    assert best_score(rows, profiles["reward_low_FP_rate"]).score >= 70
