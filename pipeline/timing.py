"""Quiet hours, digests and time zones as people write them."""

import re
from datetime import time
from zoneinfo import ZoneInfo

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def parse_clock(text: str) -> time:
    """Return the local time that "08:30" says; raises ValueError if it says none."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        msg = f"{text!r} is no time of day; write 08:30"
        raise ValueError(msg)
    return time(int(match[1]), int(match[2]))


def parse_quiet(text: str) -> tuple[time, time]:
    """Return start and end of "22:00-07:00", which may go over midnight.

    Raises:
        ValueError: If it is not of this form, or start and end are the same.
    """
    first, dash, last = text.partition("-")
    if not dash:
        msg = f"{text!r} is no span of the day; write 22:00-07:00"
        raise ValueError(msg)
    start, end = parse_clock(first), parse_clock(last)
    if start == end:
        msg = "begins when it ends; to be told nothing, pause the subscription"
        raise ValueError(msg)
    return start, end


def check_zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError if there is none of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as error:  # Among them ZoneInfoNotFoundError, a KeyError.
        raise ValueError(f"{name!r} is no time zone; write Asia/Shanghai or UTC") from error
    except KeyError as error:
        raise ValueError(f"{name!r} is no time zone; write Asia/Shanghai or UTC") from error
    return name


def told_clock(clock: time) -> str:
    """Return a time of day as ``parse_clock`` reads it."""
    return f"{clock:%H:%M}"
