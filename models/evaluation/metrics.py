"""The figures: scikit-learn's and seqeval's, and the calibration error. No model, no files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from seqeval.metrics import accuracy_score as tag_accuracy
from seqeval.metrics import classification_report as entity_report
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, classification_report, f1_score

from models.labels import Span

BINS = 15
NOTHING = "–"
"""What stands for "no name here" or "not this topic" among the labels."""

Figures = dict[str, Any]
"""Names and values as they are printed: floats in [0, 1], counts, dicts of these."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of the model beside the right one.

    Attributes:
        confidence: Probability of the answer in [0, 1]; None where the model answered nothing.
        span: The part of the text that it is about; None for all of it.
    """

    text: str
    gold: str
    predicted: str
    confidence: float | None
    span: Span | None = None

    @property
    def right(self) -> bool:
        """Whether the answer is the right one."""
        return self.gold == self.predicted


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a file, and the decisions that they were computed from."""

    figures: Figures
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions of similar confidence: its mean, the share that is right, how many they are."""

    confidence: float
    accuracy: float
    count: int


def reliability(decisions: Sequence[Decision]) -> list[Bin]:
    """Return the bins of equal width that are not empty, in order of confidence."""
    told = [(d.confidence, d.right) for d in decisions if d.confidence is not None]
    if not told:
        return []
    confidence, right = np.array(told, dtype=float).T
    place = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    members = [place == index for index in range(BINS)]
    return [
        Bin(float(confidence[own].mean()), float(right[own].mean()), int(own.sum()))
        for own in members
        if own.any()
    ]


def calibration_error(decisions: Sequence[Decision]) -> float | None:
    """Return the expected calibration error in [0, 1]; None where nothing was decided.

    Reference:
        C. Guo et al. (2017), On Calibration of Modern Neural Networks.
    """
    bins = reliability(decisions)
    total = sum(one.count for one in bins)
    gaps = sum(one.count * abs(one.accuracy - one.confidence) for one in bins)
    return gaps / total if total else None


def one_label(decisions: Sequence[Decision]) -> Figures:
    """Return the figures of decisions between labels that exclude each other."""
    gold = [decision.gold for decision in decisions]
    predicted = [decision.predicted for decision in decisions]
    report = classification_report(gold, predicted, output_dict=True, zero_division=0)
    return {
        "n": len(decisions),
        "accuracy": accuracy_score(gold, predicted),
        **_averages(report),
        "ece": calibration_error(decisions),
    }


def several_labels(gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> Figures:
    """Return the figures of any number of labels a text, without ``ece``.

    Args:
        gold: 1 where a label is right, (texts, labels).
        predicted: 1 where a label was told, (texts, labels).
        labels: Their names.
    """
    report = classification_report(
        gold, predicted, target_names=list(labels), output_dict=True, zero_division=0
    )
    return {
        "n": len(gold),
        "accuracy": accuracy_score(gold, predicted),
        "micro_f1": report["micro avg"]["f1-score"],
        **_averages(report),
    }


def exact_entities(gold: list[list[str]], predicted: list[list[str]]) -> Figures:
    """Return seqeval's strict figures of IOB2 tags, one list a text, without ``ece``."""
    report = entity_report(
        gold, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
    )
    return {
        "n": len(gold),
        "accuracy": tag_accuracy(gold, predicted),
        "entity_f1": report["micro avg"]["f1-score"],
        "entity_precision": report["micro avg"]["precision"],
        "entity_recall": report["micro avg"]["recall"],
        **_averages(report),
    }


def f1_of(gold: Sequence[bool], predicted: Sequence[bool]) -> float:
    """Return the F1 of True; 0 where there is none."""
    return float(f1_score(gold, predicted, zero_division=0)) if gold else 0.0


def _averages(report: dict[str, Any]) -> Figures:
    averages = ("accuracy", "micro avg", "macro avg", "weighted avg", "samples avg")
    per_class = {
        name: {
            "precision": one["precision"],
            "recall": one["recall"],
            "f1": one["f1-score"],
            "support": int(one["support"]),
        }
        for name, one in report.items()
        if name not in averages
    }
    return {
        "macro_f1": report["macro avg"]["f1-score"],
        "weighted_f1": report["weighted avg"]["f1-score"],
        "per_class": per_class,
    }
