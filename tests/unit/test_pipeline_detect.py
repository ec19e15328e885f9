import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.messages import Figures, Reasons, Tone
from alerts.types import Reading, Rule, Severity, Transition, TransitionKind
from db.alert_rows import AlertRow
from db.rows import MentionRow, ScopeKind, SeriesKey
from pipeline.stages.alerting import DETECTOR, alert_id, moved, said_of, to_mention
from pipeline.stages.cells import STEP, grid_end
from pipeline.stages.reasons import Found

NOON = datetime(2023, 3, 9, 12, tzinfo=UTC)
WINDOW = timedelta(hours=4)
SVB = SeriesKey(ScopeKind.ENTITY, "us:SIVB")


def mention(
    item_id: str, minutes_ago: float, *, score: float = -0.8, story: int | None = None, **more: str
) -> MentionRow:
    return MentionRow(
        item_id=item_id,
        published_at=NOON - timedelta(minutes=minutes_ago),
        source=more.get("source", f"source of {item_id}"),
        title=more.get("title", f"{item_id} wobbles entirely alone"),
        url=f"https://news.example/{item_id}",
        language=more.get("language", "en"),
        sentiment="negative" if score < 0 else "positive",
        score=score,
        copy_of=more.get("copy_of"),
        story=story,
    )


def transition(
    kind: TransitionKind, *, at: datetime = NOON, severity: Severity = Severity.WARNING
) -> Transition:
    reading = Reading(
        at=at,
        window=WINDOW,
        observed=4.0,
        expected=0.25,
        asked=3.0,
        z_volume=4.0,
        z_share=3.0,
        items=5,
        accounts=4,
        stories=2,
        sources=3,
        negative=4,
        usual_share=0.25,
        rank=1.2,
        fires=kind is not TransitionKind.RESOLVED,
        clears=kind is TransitionKind.RESOLVED,
    )
    return Transition(kind, NOON, severity, reading)


BEFORE = Tone(accounts=9, negative_share=0.2, mean_score=0.1)


def move(alert: AlertRow | None, change: Transition, rows: list[MentionRow]) -> AlertRow:
    found = Found(change, Rule(threshold=1.25), "companies", SVB, "SVB Financial", rows)
    return moved(alert, found, before=BEFORE, models=["v1"])


def test_the_end_keeps_the_figures_of_the_firing_and_has_the_peak() -> None:
    end = transition(TransitionKind.RESOLVED, at=NOON + timedelta(hours=9))
    reading = replace(end.reading, observed=3.0, expected=3.5)
    peak = replace(end, reading=reading, peak_observed=12.0, peak_window=3 * WINDOW)

    alert = move(fired([mention("a", 1)]), peak, [])

    reasons = Reasons.model_validate(alert.reasons)
    assert reasons.fired == Figures(hours=4, observed=4, expected=0.25)
    assert reasons.peak == Figures(hours=12, observed=12, expected=None)


def fired(rows: list[MentionRow]) -> AlertRow:
    return move(None, transition(TransitionKind.FIRED), rows)


def test_the_alert_id_is_decided_by_detector_scope_and_the_instant_of_firing() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))

    assert alert_id(DETECTOR, SVB, NOON) == alert_id(DETECTOR, SVB, shanghai)
    assert alert_id(DETECTOR, SVB, NOON) != alert_id("other", SVB, NOON)
    assert alert_id(DETECTOR, SVB, NOON) != alert_id(DETECTOR, SVB, NOON + timedelta(seconds=1))
    assert alert_id(DETECTOR, SVB, NOON) != alert_id(
        DETECTOR, SeriesKey(ScopeKind.TOPIC, SVB.id), NOON
    )


def test_a_copy_is_no_account_and_only_the_label_negative_is_negative() -> None:
    assert to_mention(mention("a", 1, copy_of="b")).is_copy
    assert not to_mention(mention("a", 1)).is_copy
    assert to_mention(mention("a", 1)).negative
    assert not to_mention(mention("a", 1, score=0.4)).negative


def test_mentions_tell_one_story_where_they_have_one_and_else_their_own() -> None:
    rows = [mention("a", 1, story=7), mention("b", 2, story=7), mention("c", 3), mention("d", 4)]

    one, again, own, other = (to_mention(row).story for row in rows)

    assert one == again
    assert len({one, own, other}) == 3


def test_a_fired_alert_carries_the_reading_and_its_worst_accounts_first() -> None:
    rows = [mention("mild", 30, score=-0.3), mention("grave", 20, score=-0.9, language="zh")]

    alert = fired([*rows, mention("old", 241, score=-1.0)])

    assert (alert.state, alert.revision, alert.severity) == ("firing", 1, "warning")
    assert (alert.window_start, alert.window_end) == (NOON - WINDOW, NOON)
    assert (alert.observed, alert.expected, alert.stories) == (4.0, 0.25, 2)
    assert [row.item_id for row in alert.evidence] == ["grave", "mild"]
    assert alert.languages == ("en", "zh")
    assert alert.resolved_at is None


def test_an_update_raises_severity_and_revision_and_renews_the_evidence() -> None:
    alert = fired([mention("first", 30)])
    later = NOON + timedelta(hours=1)
    change = transition(TransitionKind.UPDATED, at=later, severity=Severity.CRITICAL)

    updated = move(alert, change, [mention("second", -50)])

    assert (updated.id, updated.revision, updated.severity) == (alert.id, 2, "critical")
    assert [row.item_id for row in updated.evidence] == ["second"]
    assert (updated.fired_at, updated.updated_at) == (NOON, later)


def test_a_resolved_alert_keeps_the_evidence_that_it_had() -> None:
    alert = fired([mention("first", 30)])
    later = NOON + timedelta(hours=5)
    change = transition(TransitionKind.RESOLVED, at=later)

    resolved = move(alert, change, [])

    assert (resolved.state, resolved.revision, resolved.resolved_at) == ("resolved", 2, later)
    assert resolved.evidence == alert.evidence
    assert resolved.languages == alert.languages


def test_the_next_alert_of_a_series_starts_at_revision_one() -> None:
    before = fired([mention("first", 30)])

    assert move(before, transition(TransitionKind.FIRED), [mention("again", 3)]).revision == 1


def test_an_alert_says_what_it_was_compared_with_and_who_told_the_stories() -> None:
    rows = [
        mention("first", 30, title="Depositors rush to withdraw money", source="wire", story=7),
        mention("second", 20, title="A run on SVB", source="daily", story=7),
        mention("again", 10, copy_of="first"),
        mention("other", 5, title="Shares halted", source="wire", story=8),
    ]

    reasons = Reasons.model_validate(fired(rows).reasons)

    assert (reasons.threshold, reasons.z_volume, reasons.z_volume_asked) == (1.25, 4.0, 3.75)
    assert (reasons.z_share_asked, reasons.models, reasons.before) == (1.25, ("v1",), BEFORE)
    assert reasons.p_value == pytest.approx(3.17e-5, rel=1e-2)
    assert reasons.window.accounts == 3
    told = [(s.title, s.accounts, s.copies, s.sources) for s in reasons.stories]
    assert told == [("Depositors rush to withdraw money", 2, 1, 2), ("Shares halted", 1, 0, 1)]


def test_what_is_said_of_an_alert_is_the_webhook_body() -> None:
    alert = fired([mention("a", 30)])

    event = said_of(alert, TransitionKind.FIRED)

    body = json.loads(event.body)
    assert (event.alert_id, event.revision, event.type) == (alert.id, 1, "alert.fired")
    assert (body["type"], body["timestamp"]) == ("alert.fired", "2023-03-09T12:00:00Z")
    assert body["data"]["id"] == str(alert.id)
    assert body["data"]["scope"] == {"kind": "entity", "id": SVB.id, "name": "SVB Financial"}
    assert body["data"]["evidence"][0]["title"] == "a wobbles entirely alone"


@given(
    at=st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive by Hypothesis' rule
)
def test_the_grid_has_a_border_within_one_step_after_every_moment(at: datetime) -> None:
    border = grid_end(at)

    assert timedelta(0) < border - at <= STEP
    assert border.hour % 6 == border.minute == border.second == border.microsecond == 0
