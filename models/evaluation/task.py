"""What can be measured. Imports nothing that is slow: the command line lists it."""

from enum import StrEnum


class Task(StrEnum):
    """A question to the model; each is answered by one of its heads."""

    SENTIMENT = "sentiment"
    TOPIC = "topic"
    ENTITY_SENTIMENT = "entity-sentiment"
    NER = "ner"
    RELEVANCE = "relevance"


HEADS = {
    Task.SENTIMENT: "sentiment",
    Task.TOPIC: "topics",
    Task.ENTITY_SENTIMENT: "entity_sentiment",
    Task.NER: "entities",
    Task.RELEVANCE: "relevance",
}
"""The head that answers a task."""


class EvaluationError(Exception):
    """The file or the model does not fit the task; the message says where and why."""
