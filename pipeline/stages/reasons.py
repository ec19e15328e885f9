"""Why an alert stands as it does: what was measured, and what it was compared with."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.messages import MAX_STORIES, Figures, Reasons, Story, Tone
from alerts.negative_spike import upper_tail
from alerts.types import Rule, Transition, TransitionKind
from db.alert_rows import AlertRow
from db.rows import AccountScores, MentionRow, SeriesKey

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk found on one series.

    Attributes:
        rule: With the threshold that its budget left.
        rule_name: What the user calls it.
        key: The series.
        name: What people call it.
        rows: Its mentions, at least those of the window that ends with the transition.
    """

    transition: Transition
    rule: Rule
    rule_name: str
    key: SeriesKey
    name: str
    rows: Sequence[MentionRow]

    @property
    def any_tone(self) -> bool:
        """Whether accounts of any tone count, and not the negative ones alone."""
        return self.rule.detector.any_tone

    @property
    def inside(self) -> list[MentionRow]:
        """The mentions of the transition's window."""
        at, window = self.transition.reading.at, self.transition.reading.window
        return [row for row in self.rows if at - window < row.published_at <= at]


def reasons_of(
    alert: AlertRow | None, found: Found, before: Tone, models: Sequence[str]
) -> Reasons:
    """Return the reasons of an alert after a transition.

    Args:
        alert: As it stood before; None when it fires.
        found: What the detector found.
        before: The tone of the week before it fired.
        models: That told the tone of the window.
    """
    change, reading, rule = found.transition, found.transition.reading, found.rule
    volume_asked = rule.threshold * rule.min_z_volume
    inside = found.inside
    earlier = Reasons.model_validate(alert.reasons) if alert and alert.reasons else None
    fired = earlier.fired if earlier else None
    if change.kind is TransitionKind.FIRED:
        fired = _figures(reading.window, reading.observed, reading.expected)
    return Reasons(
        since=earlier.since if earlier else reading.at - reading.window,
        threshold=rule.threshold,
        z_volume=reading.z_volume,
        z_volume_asked=volume_asked,
        z_share=reading.z_share,
        z_share_asked=rule.threshold * rule.min_z_share,
        p_value=upper_tail(reading.z_volume),
        p_value_asked=upper_tail(volume_asked),
        negative=reading.negative,
        usual_share=reading.usual_share,
        models=tuple(models),
        before=before,
        window=tone_of(AccountScores.of(inside)),
        stories=top_stories(inside, any_tone=found.any_tone),
        fired=fired,
        peak=_figures(change.peak_window, change.peak_observed) if change.peak_window else None,
    )


def _figures(window: timedelta, observed: float, expected: float | None = None) -> Figures:
    return Figures(hours=window / _HOUR, observed=observed, expected=expected)


def tone_of(said: AccountScores) -> Tone:
    """Return the tone of accounts."""
    count = len(said.scores)
    if not count:
        return Tone(accounts=0, negative_share=None, mean_score=None)
    return Tone(
        accounts=count,
        negative_share=said.negative / count,
        mean_score=sum(said.scores) / count,
    )


def accounts_of(rows: Iterable[MentionRow], *, any_tone: bool) -> list[MentionRow]:
    """Return the accounts that an alert is about: all, or the negative ones."""
    accounts = (row for row in rows if row.copy_of is None)
    return [row for row in accounts if any_tone or row.sentiment == "negative"]


def top_stories(rows: Sequence[MentionRow], *, any_tone: bool = False) -> tuple[Story, ...]:
    """Return the stories that most of the accounts that count tell, most told first."""
    accounts = accounts_of(rows, any_tone=any_tone)
    accounts.sort(key=lambda row: (row.score, row.published_at, row.item_id))
    stories: dict[int | str, list[MentionRow]] = {}
    for row in accounts:
        stories.setdefault(row.tells, []).append(row)
    copies = Counter(row.copy_of for row in rows)
    told = sorted(stories.values(), key=len, reverse=True)[:MAX_STORIES]
    return tuple(
        Story(
            title=story[0].title,
            url=story[0].url,
            accounts=len(story),
            copies=sum(copies[row.item_id] for row in story),
            sources=len({row.source for row in story}),
        )
        for story in told
    )
