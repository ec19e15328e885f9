"""Saying that invented companies were left out."""

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from pipeline.stages.newcomers import Newcomers


def counted() -> float:
    return REGISTRY.get_sample_value("tapewatch_unlisted_left_out_total") or 0.0


def test_companies_left_out_are_counted_and_told_once_a_minute() -> None:
    newcomers, before = Newcomers(per_hour=5), counted()

    with capture_logs() as logs:
        for count in (0, 3, 4, 0):
            newcomers.left_out(count)

    assert counted() - before == 7
    assert [(line["event"], line["companies"]) for line in logs] == [("unlisted_left_out", 3)]
