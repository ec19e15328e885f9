"""Alerts as they are shown on a terminal."""

from io import StringIO
from uuid import UUID

import pytest
from rich.console import Console

from alerts.messages import AlertEvent
from alerts.notices import SubscriptionTest, Trial
from alerts.types import TransitionKind
from pipeline.cli.render import render_alert, render_notice
from tests.unit.alert_events import NOON, event


def shown(what: AlertEvent, *, width: int = 200) -> str:
    screen = StringIO()
    Console(file=screen, width=width).print(render_alert(what))
    return screen.getvalue()


def test_a_shown_alert_says_what_rose_from_what_to_what_and_why() -> None:
    text = shown(event())

    assert "ALERT Silicon Valley Bank (entity SIVB), critical  2023-03-09 12:00 UTC" in text
    assert "in 4 h rose to 12 where 0.8 is usual, about 15 times as many." in text
    assert "2023-03-09 08:00 UTC to 2023-03-09 12:00 UTC: 18 items" in text
    assert text.count("-0.93 2023-03-09 12:00 UTC  wire  Bank fails") == 3
    assert text.count("https://wire.example/1") == 3


def test_a_resolved_alert_says_that_it_is_over() -> None:
    text = shown(event(TransitionKind.RESOLVED))

    assert text.startswith("resolved Silicon Valley Bank")
    assert "Negative accounts: now 12 in 4 h, where 0.8 are usual by now." in text


def test_a_narrow_terminal_loses_nothing_of_an_alert() -> None:
    text = shown(event(title="Depositors " * 12), width=40)

    words = "".join(text.split())
    assert "thenegativeonestell3storiesfrom7sources." in words
    assert words.count("Depositors") == 36
    assert words.count("https://wire.example/1") == 3


def test_one_is_singular_and_none_is_no_list_of_noughts() -> None:
    one = event().data.model_copy(update={"items": 1, "accounts": 1, "stories": 1, "sources": 1})
    none = one.model_copy(update={"items": 0})
    quiet = event(TransitionKind.RESOLVED).model_copy(update={"data": none})

    text = shown(event().model_copy(update={"data": one}))

    assert "1 item, 1 of them no copy; the negative ones tell 1 story from 1 source." in text
    assert "12:00 UTC: no items.\n" in shown(quiet)


def test_an_alert_that_is_not_sent_says_why() -> None:
    held = event().data.model_copy(update={"suppressed_by": UUID(int=8)})

    assert "not sent: another alert tells the same news" in shown(
        event().model_copy(update={"data": held})
    )


@pytest.mark.parametrize("width", [40, 200])
def test_no_line_of_an_alert_ends_in_spaces(width: int) -> None:
    for kind in TransitionKind:
        lines = shown(event(kind), width=width).splitlines()

        assert lines == [line.rstrip() for line in lines]


def test_a_score_that_rounds_to_zero_has_no_minus() -> None:
    none = event().data.evidence[0].model_copy(update={"score": -0.001})
    data = event().data.model_copy(update={"evidence": (none,)})

    assert "+0.00 2023-03-09" in shown(event().model_copy(update={"data": data}))


def test_a_test_event_is_shown_with_what_it_says() -> None:
    screen = StringIO()
    notice = SubscriptionTest(timestamp=NOON, data=Trial(subscription_id=UUID(int=7)))

    Console(file=screen, width=200).print(render_notice(notice, notice.model_dump_json().encode()))

    assert screen.getvalue().startswith("subscription.test  2023-03-09 12:00 UTC\n")
    assert "This is a test of tapewatch. No alert has fired." in screen.getvalue()


def test_a_title_can_neither_style_the_terminal_nor_command_it() -> None:
    text = shown(event(title="[bold]x[/bold] \x1b[2J\x07 :smile:"))

    assert "[bold]x[/bold]  [2J  :smile:" in text
    assert "\x1b" not in text
