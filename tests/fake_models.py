"""Named fakes of the models: no weights, no gazetteer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from models.labels import Analysis, Sentiment, TopicScore

_BAD_WORDS = ("collapse", "fraud", "破产")


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the tests."""

    id: str
    name: str
    kind: str = "company"


class OneCompanyFinder:
    """Finds "Northwind"."""

    def find(self, text: str) -> list[Company]:
        """Return the company if the text names it."""
        return [Company("northwind", "Northwind Bank")] if "northwind" in text.lower() else []


@dataclass(frozen=True, slots=True)
class KeywordClassifier:
    """Negative where a bad word stands; fails on a text that holds "EXPLODE"."""

    delay_s: float = 0.0
    version: str = "keywords-1"

    def classify(self, texts: Sequence[str]) -> list[Analysis]:
        """Return one analysis a text."""
        time.sleep(self.delay_s)
        if any("EXPLODE" in text for text in texts):
            msg = "cannot classify this"
            raise RuntimeError(msg)
        return [self._analysis(text) for text in texts]

    def _analysis(self, text: str) -> Analysis:
        bad = any(word in text.lower() for word in _BAD_WORDS)
        negative, positive = (0.9, 0.03) if bad else (0.05, 0.15)
        probabilities = {
            Sentiment.NEGATIVE: negative,
            Sentiment.NEUTRAL: 1 - negative - positive,
            Sentiment.POSITIVE: positive,
        }
        return Analysis(probabilities, (TopicScore("banking", 0.8),))


class BrokenClassifier(KeywordClassifier):
    """A bug: fails on everything."""

    def classify(self, texts: Sequence[str]) -> list[Analysis]:
        """Fail."""
        msg = f"{len(texts)} texts, no answer"
        raise RuntimeError(msg)
