"""Tasks about whole texts and about given parts of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from models.evaluation.metrics import (
    NOTHING,
    Decision,
    Result,
    calibration_error,
    one_label,
    several_labels,
)
from models.evaluation.rows import MarkedRow, RelevanceRow, SentimentRow, TopicRow, TopicsRow
from models.labels import Analysis, Classifier, Probabilities, Sentiment
from models.multihead import HeadSpec
from models.relevance import RELEVANT_CATEGORIES
from models.taxonomy import FINNL_TOPICS, TFN_TOPICS

RELEVANT, IRRELEVANT = "relevant", "irrelevant"


class Evaluated(Classifier, Protocol):
    """A classifier that says which heads it has; its topics come without a threshold."""

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """By name."""
        ...


def sentiment(rows: Sequence[SentimentRow], model: Evaluated) -> Result:
    """Compare the most probable label with the right one."""
    told = model.classify([row.text for row in rows])
    decisions = [
        by_sentiment(row.text, row.label, analysis.probabilities)
        for row, analysis in zip(rows, told, strict=True)
    ]
    return Result(one_label(decisions), decisions)


def by_sentiment(text: str, gold: Sentiment, told: Probabilities) -> Decision:
    """Return the most probable sentiment beside the right one."""
    best = max(told, key=lambda label: told[label])
    return Decision(text, gold.value, best.value, told[best])


def topic(rows: Sequence[TopicRow], model: Evaluated) -> Result:
    """Compare the most probable of the topics that TFN knows with the right one.

    The confidence is the topic's probability divided by the sum over all of those: each comes
    from a sigmoid of its own, and here just one is right.
    """
    told = model.classify([row.text for row in rows])
    decisions = []
    for row, analysis in zip(rows, told, strict=True):
        known = _known_topics(analysis, TFN_TOPICS)
        best = max(known, key=lambda name: known[name])
        confidence = known[best] / (sum(known.values()) or 1.0)
        decisions.append(Decision(row.text, row.label, best, confidence))
    return Result(one_label(decisions), decisions)


def topics(rows: Sequence[TopicsRow], model: Evaluated) -> Result:
    """Compare the topics above the model's own threshold with the right ones.

    Only the topics that FinNL knows count. ``ece`` is over those that were told.
    """
    told = model.classify([row.text for row in rows])
    threshold = model.heads["topics"].threshold
    probabilities = np.array(
        [[_known_topics(one, FINNL_TOPICS)[name] for name in FINNL_TOPICS] for one in told]
    )
    predicted = probabilities >= threshold
    gold = np.array([[name in row.labels for name in FINNL_TOPICS] for row in rows])
    decisions = []
    for place, row in enumerate(rows):
        for index, name in enumerate(FINNL_TOPICS):
            right, said = gold[place, index], predicted[place, index]
            if right or said:
                decisions.append(
                    Decision(
                        row.text,
                        name if right else NOTHING,
                        name if said else NOTHING,
                        float(probabilities[place, index]) if said else None,
                    )
                )
    figures = several_labels(gold, predicted, list(FINNL_TOPICS))
    return Result(figures | {"ece": calibration_error(decisions)}, decisions)


def _known_topics(analysis: Analysis, mapping: Mapping[str, str]) -> dict[str, float]:
    """Return the probability of each tag of a data set."""
    ours = {topic.topic: topic.probability for topic in analysis.topics}
    return {name: ours.get(topic, 0.0) for name, topic in mapping.items()}


def marked_entities(rows: Sequence[MarkedRow], model: Evaluated) -> Result:
    """Compare the sentiment towards each marked part; what is counted are the parts."""
    spans = [[(entity.start, entity.end) for entity in row.entities] for row in rows]
    told = model.classify([row.text for row in rows], spans=spans)
    decisions = []
    for row, analysis in zip(rows, told, strict=True):
        for entity, sides in zip(row.entities, analysis.span_sentiments, strict=True):
            whole = by_sentiment(row.text, entity.sentiment, sides)
            span = (entity.start, entity.end)
            decisions.append(
                Decision(row.text, whole.gold, whole.predicted, whole.confidence, span)
            )
    return Result({"texts": len(rows)} | one_label(decisions), decisions)


def relevance(rows: Sequence[RelevanceRow], model: Evaluated) -> Result:
    """Compare relevance of at least one half with the category."""
    told = model.classify([row.text for row in rows])
    decisions = []
    for row, analysis in zip(rows, told, strict=True):
        gold = RELEVANT if row.category in RELEVANT_CATEGORIES else IRRELEVANT
        p = analysis.relevance or 0.0
        said, confidence = (RELEVANT, p) if p >= 0.5 else (IRRELEVANT, 1 - p)
        decisions.append(Decision(row.text, gold, said, confidence))
    figures = one_label(decisions)
    own = figures["per_class"].get(RELEVANT, {"f1": 0.0})
    return Result(figures | {"relevant_f1": own["f1"]}, decisions)
