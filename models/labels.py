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


class EntityType(StrEnum):
    """What a name in a text stands for. An organisation is one that is neither of the others."""

    PERSON = "person"
    COMPANY = "company"
    ORGANIZATION = "organization"
    GOVERNMENT = "government"
    LOCATION = "location"


Probabilities = dict[Sentiment, float]
"""One in [0, 1] per sentiment label, adding up to 1."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that the model found: ``text[start:end]``, in characters.

    Attributes:
        probability: That it is a name of this type, in [0, 1].
        sentiment: Towards what is named, not of the whole text.
    """

    start: int
    end: int
    type: EntityType
    probability: float
    sentiment: Probabilities


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the classifier says of one text.

    Attributes:
        probabilities: Of the sentiment of the whole text.
        topics: Those above the model's threshold, most probable first; may be empty.
        relevance: Probability in [0, 1] that the text concerns finance or a company's business;
            None from a model that does not tell.
        mentions: Names in the order of the text, none overlapping another.
        span_sentiments: Towards each of the spans that were asked for, in their order; empty
            from a model that does not tell.
        story_vector: Of length 1, near those of texts about the same event; empty from a model
            that does not tell.
    """

    probabilities: Probabilities
    topics: tuple[TopicScore, ...] = ()
    relevance: float | None = None
    mentions: tuple[Mention, ...] = ()
    span_sentiments: tuple[Probabilities, ...] = ()
    story_vector: tuple[float, ...] = ()

    @property
    def sentiment(self) -> Sentiment:
        """The most probable label."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])

    @property
    def score(self) -> float:
        """p(positive) - p(negative), in [-1, 1]."""
        return self.probabilities[Sentiment.POSITIVE] - self.probabilities[Sentiment.NEGATIVE]


Span = tuple[int, int]
"""(start, end) of a part of a text, in characters; end exclusive."""


class Classifier(Protocol):
    """Anything that tells sentiment and topics of texts."""

    @property
    def version(self) -> str:
        """Name and content hash of the weights, stored with every result."""
        ...

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text, in input order.

        Args:
            texts: Of any length.
            spans: For each text those parts towards which the sentiment is wanted beside that
                towards the mentions that the model finds itself.
        """
        ...
