"""A sentiment as it is stored: of a whole text, or towards one company."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tone:
    """Probabilities of a sentiment, adding up to 1."""

    negative: float
    neutral: float
    positive: float

    @property
    def sentiment(self) -> str:
        """The most probable label: "negative", "neutral" or "positive"."""
        labels = {"negative": self.negative, "neutral": self.neutral, "positive": self.positive}
        return max(labels, key=lambda label: labels[label])

    @property
    def score(self) -> float:
        """p(positive) - p(negative), in [-1, 1]."""
        return self.positive - self.negative
