"""The closed set of sentiment labels and the value that classification returns.

Which topics there are is said by the model's own configuration, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Sentiment(StrEnum):
    """Tone of a text for those who hold the asset it speaks of."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


@dataclass(frozen=True, slots=True)
class TopicScore:
    """One topic of a text with its probability in [0, 1]."""

    topic: str
    probability: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the classifier says of one text.

    Attributes:
        probabilities: One per sentiment label, adding up to 1.
        topics: Those above the model's threshold, most probable first; may be empty.
    """

    probabilities: dict[Sentiment, float]
    topics: tuple[TopicScore, ...]

    @property
    def sentiment(self) -> Sentiment:
        """The most probable label."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])

    @property
    def score(self) -> float:
        """p(positive) - p(negative), in [-1, 1]."""
        return self.probabilities[Sentiment.POSITIVE] - self.probabilities[Sentiment.NEGATIVE]


class Classifier(Protocol):
    """Anything that tells sentiment and topics of texts."""

    @property
    def version(self) -> str:
        """Name and content hash of the weights, stored with every result."""
        ...

    def classify(self, texts: Sequence[str]) -> list[Analysis]:
        """Return one analysis a text, in input order."""
        ...
