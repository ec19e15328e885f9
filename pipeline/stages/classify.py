"""Second stage: items into rows with sentiment, topics and entities. No Kafka, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from db.rows import EntityRow, ItemRow
from models.labels import Analysis, Classifier, Sentiment
from pipeline.messages import NewsItem, ScoredEntity, ScoredItem, ScoredTopic, item_id, text_hash
from pipeline.stages.isolate import one_by_one
from pipeline.stages.parse import Message, Parsed, Rejected


@dataclass(frozen=True, slots=True)
class Analysed:
    """A message with the row that is to be stored for it."""

    message: Message
    row: ItemRow


class FoundEntity(Protocol):
    """An entity as a finder returns it."""

    @property
    def id(self) -> str:
        """Stable id."""
        ...

    @property
    def name(self) -> str:
        """Name for people."""
        ...

    @property
    def kind(self) -> str:
        """Such as "company"."""
        ...


class EntityFinder(Protocol):
    """Anything that finds entities in a text."""

    def find(self, text: str) -> Sequence[FoundEntity]:
        """Return distinct entities in the order of their first mention."""
        ...


def text_of(item: NewsItem) -> str:
    """Return what the classifier and the gazetteer read."""
    return f"{item.title}\n{item.body}" if item.body else item.title


def classify(
    items: Sequence[NewsItem], *, classifier: Classifier, finder: EntityFinder
) -> list[ItemRow]:
    """Return one row an item, in input order.

    Raises ValueError if the classifier does not return one analysis a text.
    """
    if not items:
        return []
    texts = [text_of(item) for item in items]
    analyses = classifier.classify(texts)
    model = classifier.version
    return [
        _row(item, analysis, finder.find(text), model)
        for item, text, analysis in zip(items, texts, analyses, strict=True)
    ]


def analyse(
    parsed: Sequence[Parsed], *, classifier: Classifier, finder: EntityFinder
) -> tuple[list[Analysed], list[Rejected]]:
    """Classify a batch; what the classifier cannot take is taken out of it.

    Raises Exception if the classifier fails on everything: that is a bug, not the items.
    """

    def run(part: Sequence[Parsed]) -> list[Analysed]:
        rows = classify([one.item for one in part], classifier=classifier, finder=finder)
        return [Analysed(one.message, row) for one, row in zip(part, rows, strict=True)]

    try:
        return run(parsed), []
    except Exception:  # noqa: BLE001  # raised again by one_by_one if it is not the items
        return one_by_one(parsed, lambda one: run([one])[0])


def scored(row: ItemRow) -> ScoredItem:
    """Return a row as `news.scored.v1` carries it."""
    probabilities = {
        Sentiment.NEGATIVE: row.p_negative,
        Sentiment.NEUTRAL: row.p_neutral,
        Sentiment.POSITIVE: row.p_positive,
    }
    analysis = Analysis(probabilities, ())
    return ScoredItem(
        id=row.id,
        published_at=row.published_at,
        title=row.title,
        source=row.source,
        url=row.url,
        language=row.language,
        text_hash=row.text_hash,
        sentiment=analysis.sentiment,
        probabilities=probabilities,
        score=analysis.score,
        topics=tuple(ScoredTopic(topic=topic, probability=p) for topic, p in row.topics),
        entities=tuple(ScoredEntity(id=entity.id, name=entity.name) for entity in row.entities),
        model=row.model,
    )


def _row(
    item: NewsItem, analysis: Analysis, entities: Sequence[FoundEntity], model: str
) -> ItemRow:
    return ItemRow(
        id=item_id(item),
        published_at=item.published_at,
        title=item.title,
        body=item.body,
        source=item.source,
        url=item.url,
        language=item.language or "en",
        text_hash=text_hash(item),
        p_negative=analysis.probabilities[Sentiment.NEGATIVE],
        p_neutral=analysis.probabilities[Sentiment.NEUTRAL],
        p_positive=analysis.probabilities[Sentiment.POSITIVE],
        model=model,
        topics=tuple((topic.topic, topic.probability) for topic in analysis.topics),
        entities=tuple(EntityRow(entity.id, entity.name, entity.kind) for entity in entities),
    )
