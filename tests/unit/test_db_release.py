"""Quiet hours and digests: when an alert goes out."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.delivery_rows import SubscriptionRow
from db.release import release_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = "America/New_York"


def subscription(
    quiet: tuple[time, time] | None = None,
    digest_at: tuple[time, ...] = (),
    zone: str = "Asia/Shanghai",
    *,
    critical_passes: bool = False,
) -> SubscriptionRow:
    start, end = quiet or (None, None)
    return SubscriptionRow(
        UUID(int=1),
        "https://hooks.example/",
        b"",
        "",
        quiet_start=start,
        quiet_end=end,
        digest_at=digest_at,
        time_zone=zone,
        critical_passes=critical_passes,
    )


NIGHT = (time(22), time(7))
LUNCH = (time(12), time(13, 30))


def at(hour: int, minute: int = 0, *, day: int = 5) -> datetime:
    """Return a moment by the clocks of Shanghai, in UTC."""
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "expected"),
    [
        (NIGHT, at(21, 59), None),
        (NIGHT, at(22), at(7, day=6)),
        (NIGHT, at(3), at(7)),
        (NIGHT, at(7), None),
        (LUNCH, at(12), at(13, 30)),
        (LUNCH, at(13, 30), None),
        (None, at(3), None),
    ],
)
def test_quiet_hours_hold_back_until_their_end(
    quiet: tuple[time, time] | None, now: datetime, expected: datetime | None
) -> None:
    assert release_at(subscription(quiet), severity="warning", now=now) == expected


def test_critical_alerts_pass_where_they_are_told_to() -> None:
    for passes, expected in ((True, None), (False, at(7))):
        row = subscription(NIGHT, (time(9),), critical_passes=passes)
        assert (release_at(row, severity="critical", now=at(3)) is None) == passes
        if not passes:
            assert release_at(subscription(NIGHT), severity="critical", now=at(3)) == expected


def test_a_digest_goes_out_at_the_next_of_its_times_but_not_in_quiet_hours() -> None:
    row = subscription(digest_at=(time(8, 30), time(16)))
    assert release_at(row, severity="warning", now=at(8, 29)) == at(8, 30)
    assert release_at(row, severity="warning", now=at(8, 30)) == at(16)
    assert release_at(row, severity="warning", now=at(16, 1)) == at(8, 30, day=6)
    row = subscription(NIGHT, (time(6),))
    assert release_at(row, severity="warning", now=at(20)) == at(7, day=6)


def test_an_hour_that_summer_time_leaves_out_or_repeats_ends_the_quiet_once() -> None:
    row = subscription((time(23), time(2, 30)), zone=NEW_YORK)
    for day in (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, 30, tzinfo=UTC)):
        end = release_at(row, severity="warning", now=day)
        assert end is not None
        assert timedelta(0) < end - day < timedelta(hours=4)


def test_the_second_of_a_repeated_hour_is_held_until_its_own_half() -> None:
    row = subscription((time(22), time(1, 30)), zone=NEW_YORK)
    second = datetime(2026, 11, 1, 6, 15, tzinfo=UTC)  # 01:15 once more

    assert release_at(row, severity="warning", now=second) == second + timedelta(minutes=15)


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(
    now=st.timedeltas(timedelta(0), timedelta(days=3650)).map(lambda after: at(0) + after),
    quiet=st.tuples(clocks, clocks).filter(lambda span: span[0] != span[1]),
    digest_at=st.lists(clocks, max_size=3),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", NEW_YORK, "Australia/Lord_Howe"]),
)
def test_nothing_is_held_for_more_than_two_days_or_released_in_quiet_hours(
    now: datetime, quiet: tuple[time, time], digest_at: list[time], zone: str
) -> None:
    row = subscription(quiet, tuple(digest_at), zone)

    held_until = release_at(row, severity="warning", now=now)

    assert held_until is None or now < held_until <= now + timedelta(days=2, hours=2)
    if held_until is not None:
        again = release_at(subscription(quiet, (), zone), severity="warning", now=held_until)
        # Where clocks are set back an hour, quiet hours that ended in it begin once more.
        assert again is None or again - held_until < timedelta(hours=1, seconds=1)
