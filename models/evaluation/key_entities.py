"""FinNSP: is a text negative, and about which of its entities?"""

from collections.abc import Sequence

from models.evaluation.metrics import Decision, Result, f1_of, one_label
from models.evaluation.rows import KeyEntitiesRow
from models.labels import Analysis, Classifier, Sentiment, Span
from models.training.spans import find_all

NEGATIVE, OTHER = "negative", "not negative"

NEGATIVE_TEXT = 0.5
"""A text is negative from this probability on."""

KEY_ENTITY = 0.5
"""A negative text is about an entity from this mean probability over its mentions on."""


def key_entities(rows: Sequence[KeyEntitiesRow], model: Classifier) -> Result:
    """Compare both answers with the right ones.

    ``entity_f1`` is over (text, entity) pairs; an entity that the text does not name as written
    is never found.
    """
    places = [find_all(row.text, row.entities) for row in rows]
    spans: list[list[Span]] = [[span for _, span in found] for found in places]
    told = model.classify([row.text for row in rows], spans=spans)
    decisions: list[Decision] = []
    gold: list[bool] = []
    predicted: list[bool] = []
    for row, found, analysis in zip(rows, places, told, strict=True):
        p = analysis.probabilities[Sentiment.NEGATIVE]
        negative = p >= NEGATIVE_TEXT
        decisions.append(
            Decision(
                row.text,
                NEGATIVE if row.negative else OTHER,
                NEGATIVE if negative else OTHER,
                p if negative else 1 - p,
            )
        )
        blamed = _blamed([name for name, _ in found], analysis) if negative else set()
        for name in {*row.entities, *row.key_entities}:
            gold.append(name in row.key_entities)
            predicted.append(name in blamed)
    figures = one_label(decisions)
    own = figures["per_class"].get(NEGATIVE, {"f1": 0.0})
    return Result(
        figures | {"negative_f1": own["f1"], "entity_f1": f1_of(gold, predicted)}, decisions
    )


def _blamed(names: Sequence[str], analysis: Analysis) -> set[str]:
    """Return the names towards which the mentions are negative in the mean."""
    towards: dict[str, list[float]] = {}
    for name, sides in zip(names, analysis.span_sentiments, strict=True):
        towards.setdefault(name, []).append(sides[Sentiment.NEGATIVE])
    return {name for name, told in towards.items() if sum(told) / len(told) >= KEY_ENTITY}
