"""The values that detection works on: no database, no clock, no network."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How urgent an alert is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Verdict(StrEnum):
    """What somebody made of an alert."""

    WANTED = "wanted"
    NOT_WANTED = "not_wanted"
    DUPLICATE = "duplicate"
    WRONG_SENTIMENT = "wrong_sentiment"
    WRONG_COMPANY = "wrong_company"


class Detector(StrEnum):
    """What is looked for in a series."""

    NEGATIVE_SPIKE = "negative_spike"
    ATTENTION_SURGE = "attention_surge"
    TONE_SHIFT = "tone_shift"
    SLOW_BURN = "slow_burn"

    @property
    def any_tone(self) -> bool:
        """Whether accounts of any tone count, and not the negative ones alone."""
        return self is Detector.ATTENTION_SURGE


@dataclass(frozen=True, slots=True)
class Mention:
    """One item of a series, as detection sees it.

    Attributes:
        story: Equal for items that tell one story.
    """

    item_id: str
    at: datetime
    source: str
    story: int | str
    negative: bool
    score: float
    is_copy: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """Accounts and negative accounts of a series in the hour that starts at ``start``.

    Attributes:
        negative_sources: Distinct sources of the negative accounts. Where it is not known,
            ``negative`` stands in for it: the expectation is then too high rather than too low
            for a series whose outlets write several pieces an hour.
    """

    start: datetime
    accounts: int
    negative: int
    negative_sources: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When a detector fires and when it clears.

    "Is it real?" is asked by ``min_z_volume`` and ``min_z_share``, "does it matter?" by
    ``min_negative``, ``min_sources`` and ``min_ratio``.

    Attributes:
        detector: What is looked for.
        window: Within it a crisis is seen early ...
        long_window: ... and within this one where it is told slowly.
        threshold: So many times ``min_z_volume`` and ``min_z_share`` are asked for; it follows
            from the alert budget (``alerts.budget``).
        min_negative: Fewest negative accounts in the window.
        min_sources: Fewest distinct sources of those accounts.
        min_ratio: Least ratio of observed to expected negative accounts.
        clear_ratio: The alert clears when observed falls below this ratio ...
        clear_for: ... and stays so for this long.
        warm_up: No alert before the archive is this old.
        critical_factor: Critical when observed is this many times what firing asks for; of
            ``tone_shift``, which asks for no ratio, when the share score is.
    """

    detector: Detector = Detector.NEGATIVE_SPIKE
    window: timedelta = timedelta(hours=4)
    long_window: timedelta = timedelta(hours=12)
    threshold: float = 1.0
    min_negative: int = 3
    min_sources: int = 2
    min_ratio: float = 2.0
    min_z_volume: float = 3.0
    min_z_share: float = 1.0
    clear_z: float = 1.0
    clear_ratio: float = 1.3
    clear_for: timedelta = timedelta(minutes=30)
    cooldown: timedelta = timedelta(hours=6)
    warm_up: timedelta = timedelta(hours=48)
    critical_factor: float = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a detector measured on one series at one moment.

    Attributes:
        at: Event time of the reading.
        window: Of the rule's windows the one that says most; it is ``(at - window, at]``.
        observed: Negative accounts (of ``attention_surge`` all accounts), an outlet counted at
            most once an hour.
        expected: The same as the baseline expects them.
        asked: The least ``observed`` that fires.
        items: Everything in the window, copies included.
        accounts: Items that are no copies, of any tone.
        stories: Distinct ones that the negative accounts tell.
        sources: Distinct sources of the negative accounts (of ``attention_surge`` of all accounts).
        negative: Negative accounts, each counted.
        usual_share: The negative share that the baseline expects, in (0, 1).
        rank: How far the scores are beyond those that the rule asks for, 1 being just there; 0
            where it asks for more accounts or sources or a longer archive.
        fires: The rank is that of the rule's threshold or more.
        clears: Low enough to end an alert.
    """

    at: datetime
    window: timedelta
    observed: float
    expected: float
    asked: float
    z_volume: float
    z_share: float
    items: int
    accounts: int
    stories: int
    sources: int
    negative: int
    usual_share: float
    rank: float
    fires: bool
    clears: bool


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """What must be remembered of an alert to move it on.

    Attributes:
        peak_window: Where ``peak_observed`` was; None in a state of a version without it.
        said_at: The moment that was last spoken of; None in a state of a version without it.
        turns: When it ended or came back, the last 24 h.
        flapping: It did so too often, and now stays open until it has been quiet for long.
    """

    fired_at: datetime
    severity: Severity
    peak_observed: float
    quiet_since: datetime | None = None
    said_at: datetime | None = None
    turns: tuple[datetime, ...] = ()
    flapping: bool = False
    peak_window: timedelta | None = None

    def with_peak(self, reading: Reading) -> "OpenAlert":
        """Return the alert with the reading as its peak if none before had observed more."""
        if reading.observed <= self.peak_observed:
            return self
        return replace(self, peak_observed=reading.observed, peak_window=reading.window)


class TransitionKind(StrEnum):
    """What happened to an alert."""

    FIRED = "alert.fired"
    UPDATED = "alert.updated"
    RESOLVED = "alert.resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert's state, with the reading that caused it and the peak up to it."""

    kind: TransitionKind
    fired_at: datetime
    severity: Severity
    reading: Reading
    flapping: bool = False
    peak_observed: float = 0.0
    peak_window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SeriesState:
    """The alert state of one series between ticks.

    Attributes:
        open: The firing alert, if there is one.
        last_resolved_at: For the cooldown.
        closed: The alert that ended then, which comes back if it fires again within the cooldown.
    """

    open: OpenAlert | None = None
    last_resolved_at: datetime | None = None
    closed: OpenAlert | None = None

    @property
    def said_at(self) -> datetime | None:
        """The moment that was last spoken of, as far as it is remembered."""
        if self.open is not None:
            return self.open.said_at or self.open.fired_at
        return self.last_resolved_at
