"""The rules that are compared: each gives moments and a score, and fires from a threshold on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from alerts.defaults import DEFAULTS
from alerts.detectors import measure
from alerts.profile import Profile
from alerts.series import Series, from_us
from alerts.types import Detector, Hour, Mention
from benchmarks.synthetic.generators import HOURS, WARM_UP_H, News

_HOUR_US = 3_600_000_000
_ORIGIN = 20_000 * 24  # hours since 1970; a Thursday at midnight


@dataclass(frozen=True, slots=True)
class Scored:
    """Moments at which a rule may fire, hours, and the score at each; both (n,)."""

    at: np.ndarray
    score: np.ndarray


def deviations(news: News) -> Scored:
    """Negative items of an hour, in standard deviations above the mean of the last 7 days."""
    counts = np.histogram(news.at[news.negative], np.arange(HOURS + 1))[0].astype(float)
    mean, square = (_trailing_mean(values, 168) for values in (counts, counts**2))
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    score = np.where(counts > 0, (counts - mean) / np.maximum(deviation, 1e-9), 0)
    return Scored(np.arange(1, HOURS + 1), np.where(deviation > 0, score, counts * 1e3))


def share(news: News) -> Scored:
    """Negative share of the items of 4 h, with at least five items."""
    items = _last_4h(np.histogram(news.at, np.arange(HOURS + 1))[0])
    negative = _last_4h(np.histogram(news.at[news.negative], np.arange(HOURS + 1))[0])
    return Scored(np.arange(1, HOURS + 1), np.where(items >= 5, negative / np.maximum(items, 1), 0))


def ratio(news: News) -> Scored:
    """Negative items of 4 h against the mean of the last 7 days, with at least three."""
    counts = np.histogram(news.at[news.negative], np.arange(HOURS + 1))[0].astype(float)
    recent, usual = _last_4h(counts), 4 * _trailing_mean(counts, 168)
    score = np.where(recent >= 3, recent / np.maximum(usual, 0.01), 0)
    return Scored(np.arange(1, HOURS + 1), score)


def tapewatch(news: News, profile: Profile, detector: Detector = Detector.NEGATIVE_SPIKE) -> Scored:
    """Score a shipped detector by how far a reading is beyond its thresholds."""
    rule = DEFAULTS[detector]
    mentions = [
        Mention(
            str(i),
            _moment(news.at[i]),
            str(news.source[i]),
            i,
            negative=bool(news.negative[i]),
            score=0.0,
            is_copy=bool(news.is_copy[i]),
        )
        for i in range(len(news.at))
    ]
    series = Series(
        mentions,
        _hours(news),
        archive_start=_moment(0),
        parent_share=0.2,
        longest_window=rule.long_window,
        profile=profile,
    )
    counts = news.negative | (detector is Detector.ATTENTION_SURGE)
    at = news.at[~news.is_copy & counts]
    scores = np.zeros(len(at))
    for index, moment in enumerate(at):
        scores[index] = measure(series, _us(moment), rule).rank
    return Scored(at, scores)


def weekly(news: Sequence[News]) -> Profile:
    """Return when in a week the accounts of the warm-up come, over all companies."""
    early = np.concatenate([one.at[~one.is_copy] for one in news])
    counts = np.bincount(early[early < WARM_UP_H].astype(int), minlength=WARM_UP_H)
    hours = [(_moment(hour), int(count)) for hour, count in enumerate(counts)]
    return Profile.of(hours, since=_moment(0), until=_moment(WARM_UP_H))


def _hours(news: News) -> list[Hour]:
    accounts = ~news.is_copy
    hour = news.at.astype(int)
    every = np.bincount(hour[accounts], minlength=HOURS)
    bad = np.bincount(hour[accounts & news.negative], minlength=HOURS)
    told = accounts & news.negative
    pairs = set(zip(hour[told], news.source[told], strict=True))
    outlets = np.bincount([h for h, _ in pairs], minlength=HOURS) if pairs else bad
    return [
        Hour(_moment(h), int(every[h]), int(bad[h]), int(outlets[h])) for h in np.flatnonzero(every)
    ]


def _us(hours: float) -> int:
    return int((_ORIGIN + hours) * _HOUR_US)


def _moment(hours: float) -> datetime:
    return from_us(_us(hours))


def _last_4h(counts: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(counts)])
    return sums[1:] - sums[np.maximum(np.arange(1, len(sums)) - 4, 0)]


def _trailing_mean(values: np.ndarray, hours: int) -> np.ndarray:
    """Return the mean of the hours before each, itself left out."""
    sums = np.concatenate([[0], np.cumsum(values)])
    ends = np.arange(len(values))
    starts = np.maximum(ends - hours, 0)
    return (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)
