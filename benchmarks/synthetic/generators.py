"""Three generators of news, none of which follows the detector's own assumptions.

The detector expects counts of a negative binomial around a slowly moving mean. Here they come from
stories whose intensity wanders, whose tellers share a tone and whose copies have a heavy tail; from
levels that jump and days that are merely busy; and from near silence.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HOURS = 75 * 24
WARM_UP_H = 15 * 24
"""Nothing is judged before."""
CRISIS_H = 12.0
"""A crisis counts as found within this time of its first account."""

# Share of a day's news in each hour, and of a weekday's on Saturday and Sunday.
_DAY = np.array([2, 1, 1, 1, 2, 3, 5, 8, 9, 9, 8, 8, 8, 8, 8, 8, 7, 6, 5, 4, 4, 3, 3, 2]) / 4.9
_WEEK = np.array([1, 1, 1, 1, 1, 0.35, 0.45])
_OUTLETS = 40
_OUTLET_WEIGHTS = 1 / np.arange(1, _OUTLETS + 1)
_OUTLET_WEIGHTS /= _OUTLET_WEIGHTS.sum()
_MISREAD = 0.08
"""So often a classifier calls a negative account something else, and half as often the reverse."""
_CRISIS_EVERY_H = 40 * 24


@dataclass(frozen=True, slots=True)
class News:
    """All of one company, in order of time.

    Attributes:
        at: Hours since the start, (n,).
        source: Number of the outlet, (n,).
        negative: As the classifier says, (n,).
        is_copy: (n,).
        crises: First account of each crisis, hours.
    """

    at: np.ndarray
    source: np.ndarray
    negative: np.ndarray
    is_copy: np.ndarray
    crises: tuple[float, ...]


class _Draft:
    """Collects accounts and their copies."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rows: list[tuple[float, int, bool, bool]] = []

    def account(self, at: float, *, negative: bool, copies: float = 0.25) -> None:
        """Add an account; with a chance of ``copies`` it is copied, sometimes by very many."""
        rng = self._rng
        said = bool(rng.random() >= _MISREAD) if negative else bool(rng.random() < _MISREAD / 2)
        self._rows.append((at, int(rng.choice(_OUTLETS, p=_OUTLET_WEIGHTS)), said, False))
        if rng.random() < copies:
            count = min(int(1 + rng.pareto(1.1)), 90)
            for delay in rng.exponential(1.5, count):
                self._rows.append((at + delay, int(rng.integers(_OUTLETS)), said, True))

    def story(self, at: float, accounts: int, share: float, spread_h: float = 3.0) -> None:
        """Add the accounts of one story; each is negative with a chance of ``share``."""
        for delay in self._rng.exponential(spread_h, accounts):
            self.account(at + delay, negative=bool(self._rng.random() < share))

    def news(self, crises: list[float]) -> News:
        """Return what was collected."""
        rows = sorted(row for row in self._rows if row[0] < HOURS)
        at, source, negative, is_copy = zip(*rows, strict=True) if rows else ((), (), (), ())
        return News(
            np.array(at, dtype=float),
            np.array(source, dtype=int),
            np.array(negative, dtype=bool),
            np.array(is_copy, dtype=bool),
            tuple(crises),
        )


def _profile() -> np.ndarray:
    hours = np.arange(HOURS)
    return _DAY[hours % 24] * _WEEK[hours // 24 % 7]


def _wandering(rng: np.random.Generator, spread: float) -> np.ndarray:
    """Return a factor an hour with mean 1: the exponential of an AR(1), memory of a day."""
    keep = np.exp(-1 / 24)
    noise = rng.normal(0, spread * np.sqrt(1 - keep**2), HOURS)
    level = np.empty(HOURS)
    level[0] = rng.normal(0, spread)
    for hour in range(1, HOURS):
        level[hour] = keep * level[hour - 1] + noise[hour]
    return np.exp(level - spread**2 / 2)


def _crises(rng: np.random.Generator, draft: _Draft, per_day: float) -> list[float]:
    """Add crises: one event that many outlets tell in their own words within hours."""
    starts: list[float] = []
    at = WARM_UP_H + rng.exponential(_CRISIS_EVERY_H)
    while at < HOURS - CRISIS_H:
        accounts = int(max(4, per_day * rng.uniform(0.4, 2)) + rng.poisson(2))
        delays = np.sort(rng.exponential(5.0, accounts))
        for delay in delays:
            draft.account(at + delay, negative=bool(rng.random() < 0.75))
        starts.append(float(at + delays[0]))
        at += 72 + rng.exponential(_CRISIS_EVERY_H)
    return starts


def syndicated(rng: np.random.Generator) -> News:
    """Stories at an intensity that wanders; each has a tone of its own; copies by the dozen."""
    per_day = float(np.exp(rng.normal(np.log(2.5), 1.2)))
    draft = _Draft(rng)
    stories = rng.poisson(per_day / 48 * _profile() * _wandering(rng, 0.8))
    for hour in np.repeat(np.arange(HOURS), stories):
        draft.story(hour + rng.random(), min(int(rng.zipf(2.2)), 15), float(rng.beta(0.5, 2.0)))
    return draft.news(_crises(rng, draft, per_day))


def regimes(rng: np.random.Generator) -> News:
    """Level and tone that jump for good, and earnings days: much news, of no bad tone."""
    per_day = float(np.exp(rng.normal(np.log(3), 1.0)))
    level = np.full(HOURS, per_day)
    share = np.full(HOURS, rng.uniform(0.08, 0.3))
    for day in rng.choice(np.arange(10, HOURS // 24), 2, replace=False):
        level[day * 24 :] *= rng.choice([0.3, 3.0])
        share[day * 24 :] = rng.uniform(0.08, 0.35)
    for day in range(int(rng.integers(0, 25)), HOURS // 24, 25):
        level[day * 24 + 7 : day * 24 + 20] *= rng.uniform(6, 15)
    draft = _Draft(rng)
    accounts = rng.poisson(level / 24 * _profile())
    for hour in np.repeat(np.arange(HOURS), accounts):
        draft.account(hour + rng.random(), negative=bool(rng.random() < share[hour]))
    return draft.news(_crises(rng, draft, per_day))


def near_silent(rng: np.random.Generator) -> News:
    """A handful of accounts a month, and rare harmless bursts that the classifier misreads."""
    per_day = float(rng.uniform(0.03, 0.4))
    draft = _Draft(rng)
    for hour in np.repeat(np.arange(HOURS), rng.poisson(per_day / 24 * _profile())):
        draft.account(hour + rng.random(), negative=bool(rng.random() < 0.25))
    for at in rng.uniform(0, HOURS, rng.poisson(4)):
        draft.story(float(at), int(rng.integers(3, 13)), float(rng.choice([0.05, 0.05, 0.3])))
    return draft.news(_crises(rng, draft, per_day))


GENERATORS: dict[str, Callable[[np.random.Generator], News]] = {
    "syndicated": syndicated,
    "regimes": regimes,
    "near-silent": near_silent,
}


def _changing(
    rng: np.random.Generator,
    per_day: float,
    changes: Callable[[_Draft, float], None],
) -> News:
    """Return news in stories, with a change at times that are known."""
    draft = _Draft(rng)
    share = rng.uniform(0.08, 0.25)
    stories = rng.poisson(per_day / 48 * _profile() * _wandering(rng, 0.4))
    for hour in np.repeat(np.arange(HOURS), stories):
        draft.story(hour + rng.random(), min(int(rng.zipf(2.2)), 8), float(share))
    starts = []
    at = WARM_UP_H + rng.uniform(10, 20) * 24
    while at < HOURS - 8 * 24:
        starts.append(float(at))
        changes(draft, float(at))
        at += rng.uniform(20, 30) * 24
    return draft.news(starts)


def surges(rng: np.random.Generator) -> News:
    """Ten hours in which everybody writes about it, and hardly anybody badly."""

    def surge(draft: _Draft, start: float) -> None:
        for delay in rng.uniform(0, 10, int(rng.integers(20, 50))):
            draft.account(start + delay, negative=bool(rng.random() < 0.1))

    return _changing(rng, float(rng.uniform(2, 8)), surge)


def shifts(rng: np.random.Generator) -> News:
    """Four days with two thirds more accounts, nearly all of them bad."""
    per_day = float(rng.uniform(25, 60))

    def shift(draft: _Draft, start: float) -> None:
        for delay in rng.uniform(0, 96, int(4 * per_day * 0.7)):
            draft.account(start + delay, negative=bool(rng.random() < 0.9))

    return _changing(rng, per_day, shift)


def burns(rng: np.random.Generator) -> News:
    """Six days with a few bad accounts each, of a company with about one a day otherwise."""

    def burn(draft: _Draft, start: float) -> None:
        for delay in rng.uniform(0, 144, int(6 * rng.uniform(2.5, 5))):
            draft.account(start + delay, negative=True)

    return _changing(rng, float(rng.uniform(0.5, 2)), burn)


CHANGES: dict[str, tuple[Callable[[np.random.Generator], News], float]] = {
    "attention_surge": (surges, 12.0),
    "tone_shift": (shifts, 48.0),
    "slow_burn": (burns, 96.0),
}
"""What the other detectors look for, and within how many hours it should be found."""
