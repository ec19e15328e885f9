"""What the signs say together of an account's belonging to a story."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StorySigns:
    """What speaks for an account's belonging to a story.

    Attributes:
        cosine: Of their word vectors, in [0, 1].
        names: Share of the headline's rarity in names that are the story's own, in [0, 1].
        log_size: Natural logarithm of the story's accounts.
        share: The story's part of the last thirty or so accounts, in [0, 1]: one that many told
            needs less likeness, the prior of a recurrent Chinese restaurant process (A. Ahmed
            and others, 2011, "Unified analysis of streaming news").
        vector: Cosine of what the model gave them, in [-1, 1]; None where it gave nothing.
    """

    cosine: float
    names: float
    log_size: float
    share: float
    vector: float | None


@dataclass(frozen=True, slots=True)
class _Odds:
    """What each sign adds to the log odds."""

    constant: float
    cosine: float
    names: float
    log_size: float
    share: float
    share_and_cosine: float
    vector: float = 0.0
    vector_and_cosine: float = 0.0
    vector_and_share: float = 0.0

    def score(self, signs: StorySigns) -> float:
        vector = signs.vector or 0.0
        return (
            self.constant
            + self.cosine * signs.cosine
            + self.names * signs.names
            + self.log_size * signs.log_size
            + self.share * signs.share
            + self.share_and_cosine * signs.share * signs.cosine
            + self.vector * vector
            + self.vector_and_cosine * vector * signs.cosine
            + self.vector_and_share * vector * signs.share
        )


# Logistic regressions by `benchmarks/story_weights.py`, the constant lowered: two stories made one
# are worse than one told as two (docs/stories.md). With words alone a story that is much told
# draws in what follows it: there the share counts less than was fitted.
_BY_WORDS = _Odds(-2.77, 7.95, 1.90, -0.44, 3.0, 0.0)
_BY_VECTORS = _Odds(-6.2, 5.20, 1.62, -0.55, 5.39, 3.43, 4.43, 2.18, 6.01)


def log_odds(signs: StorySigns) -> float:
    """Return the natural logarithm of the odds that the account belongs to the story.

    Where there are no two vectors to compare the words alone decide.
    """
    return (_BY_WORDS if signs.vector is None else _BY_VECTORS).score(signs)
