"""Put accounts into stories as they come: by the words they share and by what a model reads.

A story is the sum of its accounts' word vectors (rare words and names first) and of the vectors
that the model gives them. An account joins the story that it most probably belongs to, or begins
one. Nothing is ever moved afterwards, so that what was said stays true.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.accounts.odds import StorySigns, log_odds
from alerts.accounts.vectors import Vector, VectorSums
from alerts.accounts.word_sums import WordSums
from alerts.accounts.words import capitalised, is_number, plain_title, stems

# A story ends with the last account for so long.
STORY_WINDOW = timedelta(hours=72)

_NAME_WEIGHT = 1.5
_NUMBER_WEIGHT = 0.7


# A word is a story's own from this share of its accounts on.
_OWN_WORD = 1 / 3
# The stories most like an account, by words and by vector, that are looked at more closely.
_CANDIDATES = 6

# Of the accounts that came last, the weight of each falls by this: some thirty count.
_FADING = 0.97
# Backstops, far above what 72 hours of news hold.
_MOST_STORIES = 40_000
_MOST_WORDS = 2_000
_MOST_COUNTED = 200_000
# Headlines that count as read before the first: a word that was in none is not yet rare.
_PRIOR = 50

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Story:
    counts: dict[str, int] = field(default_factory=dict)
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
        self._stories: OrderedDict[int, _Story] = OrderedDict()
        self._words = WordSums()
        self._vectors = VectorSums()
        self._counts: Counter[str] = Counter()
        self._read = 0
        self._turn = 0

    def __len__(self) -> int:
        """Return how many stories may still be joined."""
        return len(self._stories)

    def assign(
        self, number: int, at: datetime, title: str, *, now: datetime, vector: Vector
    ) -> int:
        """Return the story of an account, which is its own number where it begins one.

        Args:
            number: Unique.
            at: Event time.
            title: The headline, as published.
            now: Event time at which stories may have become too old.
            vector: Of length 1, near those of texts about the same event; where it is missing
                the words alone decide.
        """
        self._forget(now)
        words = self._read_words(title)
        best, best_score = number, 0.0
        for story, signs in self._candidates(words, vector):
            score = log_odds(signs)
            if score > best_score:
                best, best_score = story, score
        self._join(best, words, at, now, vector)
        return best

    def join(self, story: int, at: datetime, title: str, *, now: datetime, vector: Vector) -> None:
        """Put an account into the story that another index assigned it to.

        Args:
            story: It is begun if it is not known.
            at: As for ``assign``, as all that follows: both leave the same behind.
            title: The headline.
            now: Event time.
            vector: Of the account.
        """
        self._forget(now)
        self._join(story, self._read_words(title), at, now, vector)

    def compare(
        self, story: int, at: datetime, title: str, *, now: datetime, vector: Vector
    ) -> list[tuple[int, StorySigns]]:
        """Put an account into a story that is known; return those it was compared with.

        What the odds are fitted on.
        """
        self._forget(now)
        words = self._read_words(title)
        compared = list(self._candidates(words, vector))
        self._join(story, words, at, now, vector)
        return compared

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

    def _candidates(self, words: _Words, vector: Vector) -> Iterator[tuple[int, StorySigns]]:
        """Yield the stories that an account may belong to, by words or by vector."""
        cosines = self._words.cosines(words.vector)
        by_words = self._words.nearest(cosines, _CANDIDATES)
        by_vector = self._vectors.cosines(vector, by_words, _CANDIDATES)
        for story_id, of_vectors in by_vector.items():
            story = self._stories[story_id]
            yield (
                story_id,
                StorySigns(
                    cosine=self._words.of(cosines, story_id),
                    names=_own_names(story, words),
                    log_size=math.log(story.size),
                    share=story.share * _FADING ** (self._turn - story.turn) * (1 - _FADING),
                    vector=of_vectors,
                ),
            )

    def _join(
        self, story_id: int, words: _Words, at: datetime, now: datetime, vector: Vector
    ) -> None:
        story = self._stories.setdefault(story_id, _Story())
        for word in words.vector:
            story.counts[word] = story.counts.get(word, 0) + 1
        self._words.add(story_id, words.vector)
        story.size += 1
        story.share = story.share * _FADING ** (self._turn - story.turn) + 1
        story.turn = self._turn
        # A wrong date far ahead would keep the story, and all behind it, for as long.
        story.last_at = max(story.last_at, min(at, now))
        self._turn += 1
        self._vectors.add(story_id, vector)
        self._stories.move_to_end(story_id)
        if len(story.counts) > _MOST_WORDS:
            self._shorten(story_id, story)

    def _shorten(self, story_id: int, story: _Story) -> None:
        """Let go of the lighter half of a story's words."""
        by_weight = sorted(story.counts, key=lambda word: self._words.weight(story_id, word))
        light = by_weight[: len(by_weight) // 2]
        self._words.leave(story_id, light)
        for word in light:
            del story.counts[word]

    def _forget(self, now: datetime) -> None:
        """Let go of the stories that were joined longest ago, if they are too old or too many."""
        while self._stories:
            story_id, story = next(iter(self._stories.items()))
            young = now - story.last_at < STORY_WINDOW
            if young and len(self._stories) <= _MOST_STORIES:
                return
            del self._stories[story_id]
            self._vectors.remove(story_id)
            self._words.remove(story_id, story.counts)


def _own_names(story: _Story, words: _Words) -> float:
    """Return the share of a headline's rarity that lies in names which are the story's own."""
    own = sum(
        rarity * min(1.0, story.counts.get(word, 0) / story.size / _OWN_WORD)
        for word, rarity in words.names.items()
    )
    return own / words.rarity if words.rarity else 0.0


def _kind_weight(word: str, names: frozenset[str]) -> float:
    if is_number(word):
        return _NUMBER_WEIGHT
    return _NAME_WEIGHT if word in names else 1.0
