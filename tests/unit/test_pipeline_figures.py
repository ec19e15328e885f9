"""The figures of alerts in words."""

from typing import Any

import pytest

from pipeline.figures import figure, tell_end, times


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0, "0"), (0.0349, "0.03"), (0.08, "0.08"), (3.52, "3.5"), (3.0, "3"), (24.4, "24")],
)
def test_a_figure_has_the_digits_that_it_is_good_for(number: float, shown: str) -> None:
    assert figure(number) == shown


@pytest.mark.parametrize(
    ("observed", "expected", "en", "zh"),
    [
        (3, 0.08, "about 38 times as many", "约为平常的 38 倍"),
        (12, 0.8, "about 15 times as many", "约为平常的 15 倍"),
        (7, 2.9, "about 2.4 times as many", "约为平常的 2.4 倍"),
        (3, 0.02, "over 100 times as many", "超过平常的 100 倍"),
        (3, 0.0, "over 100 times as many", "超过平常的 100 倍"),
    ],
)
def test_a_ratio_is_no_more_exact_than_its_figures(
    observed: float, expected: float, en: str, zh: str
) -> None:
    assert times("en", observed, expected) == en
    assert times("zh", observed, expected) == zh


def ended(observed: float, expected: float, *, reasons: dict[str, Any] | None) -> dict[str, Any]:
    window = {"start": "2026-03-05T08:00:00Z", "end": "2026-03-05T20:00:00Z"}
    detector = "negative_spike"
    return {
        "detector": detector,
        "window": window,
        "observed": observed,
        "expected": expected,
        "reasons": reasons,
    }


REASONS = {
    "fired": {"hours": 4.0, "observed": 3.0, "expected": 0.08},
    "peak": {"hours": 4.0, "observed": 12.0, "expected": None},
}


def test_an_end_is_told_against_the_peak_and_what_was_usual_before_the_crisis() -> None:
    alert = ended(0.0, 1.4, reasons=REASONS)

    assert tell_end("en", alert) == (
        "Negative accounts: now 0 in 12 h, at the peak 12 in 4 h; "
        "0.08 in 4 h were usual when it fired."
    )
    assert tell_end("zh", alert) == (
        "负面报道：现为 12 小时 0 条，峰值为 4 小时 12 条；触发时平常为 4 小时 0.08 条。"
    )


def test_an_end_by_a_baseline_that_the_crisis_raised_says_so() -> None:
    alert = ended(3.0, 3.5, reasons=REASONS)

    assert tell_end("en", alert).endswith(" That is still more, but 3.5 in 12 h are usual by now.")
    assert tell_end("zh", alert).endswith("仍高于当时的平常水平，但目前平常已为 12 小时 3.5 条。")


def test_the_end_of_an_alert_of_an_older_version_is_told_by_what_it_has() -> None:
    assert tell_end("en", ended(3.0, 3.5, reasons=None)) == (
        "Negative accounts: now 3 in 12 h, where 3.5 are usual by now."
    )
