"""The figures of alerts in words."""

import pytest

from pipeline.figures import figure, times


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
