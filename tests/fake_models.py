"""Named fakes of the models: no weights, no gazetteer."""

import math
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.entities.gazetteer import Candidate, Entity, Trust
from models.labels import Analysis, EntityType, Mention, Sentiment, Span, TopicScore
from pipeline.stages.classify import Floors

# Where what is told of relevance is not what a test is about.
FLOORS = Floors(item=0.5, entity=0.2)
_BAD_WORDS = ("collapse", "fraud", "破产")


NORTHWIND = Entity("northwind", "Northwind Bank")


class OneCompanyFinder:
    """Finds "Northwind"."""

    def candidates(self, text: str) -> list[Candidate]:
        """Return the place where the text first names the company."""
        start = text.lower().find("northwind")
        return [] if start < 0 else [Candidate(start, start + 9, NORTHWIND, Trust.FAIR)]

    def named(self, name: str) -> Entity | None:
        """Return the company by its full name."""
        return NORTHWIND if name == NORTHWIND.name else None


@dataclass(frozen=True, slots=True)
class KeywordClassifier:
    """Negative where a bad word stands; fails on a text that holds "EXPLODE"."""

    delay_s: float = 0.0
    version: str = "keywords-1"
    bad_words: tuple[str, ...] = _BAD_WORDS

    def classify(
        self,
        texts: Sequence[str],
        *,
        spans: Sequence[Sequence[Span]] | None = None,  # noqa: ARG002  # the protocol's
    ) -> list[Analysis]:
        """Return one analysis a text; tells the sentiment towards no span."""
        time.sleep(self.delay_s)
        if any("EXPLODE" in text for text in texts):
            msg = "cannot classify this"
            raise RuntimeError(msg)
        return [self._analysis(text) for text in texts]

    def _analysis(self, text: str) -> Analysis:
        bad = any(word in text.lower() for word in self.bad_words)
        negative, positive = (0.9, 0.03) if bad else (0.05, 0.15)
        probabilities = {
            Sentiment.NEGATIVE: negative,
            Sentiment.NEUTRAL: 1 - negative - positive,
            Sentiment.POSITIVE: positive,
        }
        topics = (TopicScore("banking", 0.8),)
        return Analysis(probabilities, topics, story_vector=_story_vector(text))


def _story_vector(text: str) -> tuple[float, ...]:
    """Return a vector of length 1 that texts with the same words share."""
    vector = [1.0] * 16
    for word in text.lower().split():
        place = zlib.crc32(word.encode())
        vector[place % 16] += 1 if place & 16 else -1
    length = math.hypot(*vector) or 1.0
    return tuple(each / length for each in vector)


@dataclass(frozen=True, slots=True)
class TellingClassifier(KeywordClassifier):
    """Tells besides that a text is good for whom it names, how relevant it is, and "Vornholt"."""

    relevance: float = 1.0

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text; positive towards every span."""
        good = {Sentiment.NEGATIVE: 0.1, Sentiment.NEUTRAL: 0.2, Sentiment.POSITIVE: 0.7}
        asked = spans if spans is not None else [()] * len(texts)
        return [
            replace(
                self._analysis(text),
                relevance=self.relevance,
                mentions=tuple(
                    Mention(found.start(), found.end(), EntityType.COMPANY, 0.9, good)
                    for found in re.finditer("Vornholt", text)
                ),
                span_sentiments=(good,) * len(of_text),
            )
            for text, of_text in zip(texts, asked, strict=True)
        ]


class BrokenClassifier(KeywordClassifier):
    """A bug: fails on everything."""

    def classify(
        self,
        texts: Sequence[str],
        *,
        spans: Sequence[Sequence[Span]] | None = None,  # noqa: ARG002  # the protocol's
    ) -> list[Analysis]:
        """Fail."""
        msg = f"{len(texts)} texts, no answer"
        raise RuntimeError(msg)


class HangingClassifier(KeywordClassifier):
    """A bug: never comes to an end."""

    def classify(
        self,
        texts: Sequence[str],
        *,
        spans: Sequence[Sequence[Span]] | None = None,
    ) -> list[Analysis]:
        """Hang."""
        time.sleep(3600)
        return super().classify(texts, spans=spans)
