"""Put accounts into stories as they come: by the words they share, the rare ones and names first.

A story is the sum of its accounts' word vectors; an account joins the story that it is most like,
or begins one. Nothing is ever moved afterwards, so that what was said stays true.
"""

import heapq
import math
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.accounts.words import capitalised, is_number, plain_title, stems

# A story ends with the last account for so long.
STORY_WINDOW = timedelta(hours=72)

_NAME_WEIGHT = 1.5
_NUMBER_WEIGHT = 0.7

# A logistic regression on rows 0 to 10,000 of the labelled headlines (docs/stories.md).
_PER_COSINE = 5.72
_PER_NAMES = 2.71
_PER_SHARE = 5.76
_PER_SHARE_AND_COSINE = 6.55
_PER_LOG_SIZE = -1.11
_CONSTANT = -0.55
# So like that the account joins whatever else was told lately.
_LIKE = 0.36
# A word is a story's own from this share of its accounts on.
_OWN_WORD = 1 / 3
# The stories most like an account that are looked at more closely.
_CANDIDATES = 6

# Of the accounts that came last, the weight of each falls by this: some thirty count.
_FADING = 0.97
# Backstops, far above what 72 hours of news hold.
_MOST_STORIES = 50_000
_MOST_WORDS = 2_000
_MOST_COUNTED = 200_000
# Headlines that count as read before the first: a word that was in none is not yet rare.
_PRIOR = 50

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Story:
    vector: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    square: float = 0.0
    size: int = 0
    share: float = 0.0
    turn: int = 0
    last_at: datetime = _BEGINNING


@dataclass(frozen=True, slots=True)
class _Words:
    """A headline: its vector of length 1, rarity of its names, and the sum over all its words."""

    vector: dict[str, float]
    names: dict[str, float]
    rarity: float


class StoryIndex:
    """The stories of the last 72 hours of event time; bounded."""

    def __init__(self) -> None:
        """Begin empty."""
        self._stories: OrderedDict[str, _Story] = OrderedDict()
        self._holding: dict[str, dict[str, None]] = {}
        self._counts: Counter[str] = Counter()
        self._read = 0
        self._turn = 0

    def __len__(self) -> int:
        """Return how many stories may still be joined."""
        return len(self._stories)

    def assign(self, account_id: str, at: datetime, title: str, *, now: datetime) -> str:
        """Return the story of an account, which is its own id where it begins one.

        Args:
            account_id: Unique.
            at: Event time.
            title: The headline, as published.
            now: Event time at which stories may have become too old.
        """
        self._forget(now)
        words = self._read_words(title)
        story_id = self._best(words) or account_id
        self._join(story_id, words, at)
        return story_id

    def _read_words(self, title: str) -> _Words:
        """Return the headline's words, weighed; also counts them."""
        plain = plain_title(title)
        found = dict.fromkeys(stems(plain))
        names = capitalised(plain)
        self._read += 1
        self._counts.update(found.keys())
        if len(self._counts) > _MOST_COUNTED:
            self._read //= 2
            self._counts = Counter({w: n // 2 for w, n in self._counts.items() if n > 1})
        rarity = {word: self._rarity(word) for word in found}
        weights = {word: rare * _kind_weight(word, names) for word, rare in rarity.items()}
        length = math.sqrt(sum(weight**2 for weight in weights.values()))
        return _Words(
            vector={word: weight / length for word, weight in weights.items()},
            names={word: rare for word, rare in rarity.items() if word in names},
            rarity=sum(rarity.values()),
        )

    def _rarity(self, word: str) -> float:
        return math.log((self._read + _PRIOR + 1) / (self._counts[word] + 1)) + 0.1

    def _best(self, words: _Words) -> str | None:
        dots: dict[str, float] = {}
        for word, weight in words.vector.items():
            for story_id in self._holding.get(word, ()):
                dot = weight * self._stories[story_id].vector[word]
                dots[story_id] = dots.get(story_id, 0.0) + dot
        cosines = {
            story_id: dot / math.sqrt(self._stories[story_id].square)
            for story_id, dot in dots.items()
        }
        best, best_score = None, 0.0
        for story_id in heapq.nlargest(_CANDIDATES, cosines, key=lambda one: cosines[one]):
            score = self._score(self._stories[story_id], cosines[story_id], words)
            if score > best_score:
                best, best_score = story_id, score
        return best

    def _score(self, story: _Story, cosine: float, words: _Words) -> float:
        """Return the log odds that an account belongs to a story.

        A story that many of the last accounts told needs less likeness: the prior of a
        recurrent Chinese restaurant process (A. Ahmed and others, 2011, "Unified analysis of
        streaming news").
        """
        share = story.share * _FADING ** (self._turn - story.turn) * (1 - _FADING)
        names = sum(
            rarity * min(1.0, story.counts.get(word, 0) / story.size / _OWN_WORD)
            for word, rarity in words.names.items()
        )
        odds = (
            _CONSTANT
            + _PER_COSINE * cosine
            + _PER_NAMES * names / words.rarity
            + (_PER_SHARE + _PER_SHARE_AND_COSINE * cosine) * share
            + _PER_LOG_SIZE * math.log(story.size)
        )
        return max(odds, _PER_COSINE * (cosine - _LIKE))

    def _join(self, story_id: str, words: _Words, at: datetime) -> None:
        story = self._stories.setdefault(story_id, _Story())
        for word, weight in words.vector.items():
            story.counts[word] = story.counts.get(word, 0) + 1
            before = story.vector.get(word, 0.0)
            story.vector[word] = before + weight
            story.square += weight * (2 * before + weight)
            self._holding.setdefault(word, {})[story_id] = None
        story.size += 1
        story.share = story.share * _FADING ** (self._turn - story.turn) + 1
        story.turn = self._turn
        story.last_at = max(story.last_at, at)
        self._turn += 1
        self._stories.move_to_end(story_id)
        if len(story.vector) > _MOST_WORDS:
            self._shorten(story_id, story)

    def _shorten(self, story_id: str, story: _Story) -> None:
        """Let go of the lighter half of a story's words."""
        by_weight = sorted(story.vector, key=lambda word: story.vector[word])
        for word in by_weight[: len(by_weight) // 2]:
            story.square -= story.vector.pop(word) ** 2
            del story.counts[word]
            self._leave(word, story_id)

    def _forget(self, now: datetime) -> None:
        """Let go of the stories that were joined longest ago, if they are too old or too many."""
        while self._stories:
            story_id, story = next(iter(self._stories.items()))
            young = now - story.last_at < STORY_WINDOW
            if young and len(self._stories) <= _MOST_STORIES:
                return
            del self._stories[story_id]
            for word in story.vector:
                self._leave(word, story_id)

    def _leave(self, word: str, story_id: str) -> None:
        holding = self._holding[word]
        del holding[story_id]
        if not holding:
            del self._holding[word]


def _kind_weight(word: str, names: frozenset[str]) -> float:
    if is_number(word):
        return _NUMBER_WEIGHT
    return _NAME_WEIGHT if word in names else 1.0
