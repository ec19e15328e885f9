"""What counts as late."""

from datetime import UTC, datetime, timedelta

from pipeline.metrics import LATE_ITEMS, LateItems

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _counted() -> dict[str, float]:
    outcomes = ("corrects", "too_late")
    return {outcome: LATE_ITEMS.labels(outcome)._value.get() for outcome in outcomes}


def test_what_lies_behind_the_newest_is_counted_as_late_or_as_too_late() -> None:
    before = _counted()
    late = LateItems(lateness=timedelta(minutes=2), max_late=24 * HOUR)

    late.note([NOON, NOON - timedelta(minutes=2), NOON - HOUR, NOON - 24 * HOUR])
    late.note([NOON + 2 * HOUR, NOON - 23 * HOUR])

    counted = {outcome: value - before[outcome] for outcome, value in _counted().items()}
    assert counted == {"corrects": 2, "too_late": 1}
