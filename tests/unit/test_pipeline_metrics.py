"""What counts as late, and what is shown before it happens."""

from datetime import UTC, datetime, timedelta

from pipeline.messages import Reason
from pipeline.metrics import DEAD_LETTERS, LATE_ITEMS, LateItems

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


def test_every_reason_of_dead_letters_is_shown_before_there_is_one() -> None:
    [family] = DEAD_LETTERS.collect()

    shown = {one.labels["reason"] for one in family.samples if one.name.endswith("_total")}
    assert shown == set(Reason)
