"""Second stage: items into rows with sentiment, topics and companies. No Kafka, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.accounts.copies import Text, read_text
from alerts.accounts.vectors import pack
from db.rows import EntityRow, ItemRow
from db.tone import Tone
from models.entities.linking import Finder, LinkedEntity, link, spans_of
from models.labels import Analysis, Classifier, Probabilities, Sentiment
from pipeline.messages import NewsItem, ScoredEntity, ScoredItem, ScoredTopic
from pipeline.stages.isolate import one_by_one
from pipeline.stages.parse import Message, Parsed, Rejected
from pipeline.stages.reuse import Earlier
from pipeline.stages.text import item_fields, text_of

# Whoever cannot tell these cannot tell anything.
_KNOWN_GOOD = [
    NewsItem(
        id=language,
        published_at=datetime(2024, 3, 1, tzinfo=UTC),
        title=title,
        source="wire",
        language=language,
    )
    for language, title in (
        ("en", "Northwind Bank falls 6 percent after Apple leaves"),
        ("zh", "苹果公司离开后，北风银行下跌6%"),
    )
]


@dataclass(frozen=True, slots=True)
class Analysed:
    """A message with the row that is to be stored for it, and its text for telling copies."""

    message: Message
    row: ItemRow
    text: Text


@dataclass(frozen=True, slots=True)
class Floors:
    """The least relevance with which an item counts; one whose relevance is not told does.

    Attributes:
        item: In the series of the market and of its topics.
        entity: In the series of a company. Lower: an accident or a scandal is told in the general
            news first, while a sponsor's name in sports is not relevant at all.
    """

    item: float
    entity: float


def tell(
    texts: Sequence[str],
    *,
    classifier: Classifier,
    finder: Finder,
    floors: Floors,
    sources: Sequence[str] | None = None,
) -> list[tuple[Analysis, list[LinkedEntity]]]:
    """Return what the classifier says of each text, with the companies in it, in input order.

    Args:
        texts: Of any length.
        classifier: Also asked for the tone at the places where the finder sees a company.
        finder: Knows companies by name.
        floors: In a text that counts for no company only those are told that a list has.
        sources: Who published each text; by default nobody.
    """
    candidates = [finder.candidates(text) for text in texts]
    analyses = classifier.classify(texts, spans=[spans_of(found) for found in candidates])
    rows = zip(texts, candidates, analyses, sources or [""] * len(texts), strict=True)
    return [
        (
            analysis,
            link(
                text,
                found,
                analysis,
                finder=finder,
                source=source,
                with_unlisted=_reaches(analysis, floors.entity),
            ),
        )
        for text, found, analysis, source in rows
    ]


def classify(
    items: Sequence[NewsItem],
    *,
    classifier: Classifier,
    finder: Finder,
    floors: Floors,
) -> list[ItemRow]:
    """Return one row an item, in input order.

    Raises ValueError if the classifier does not return one analysis a text.
    """
    if not items:
        return []
    told = tell(
        [text_of(item) for item in items],
        classifier=classifier,
        finder=finder,
        sources=[item.source for item in items],
        floors=floors,
    )
    model = classifier.version
    return [
        _row(item, analysis, entities, model, floors)
        for item, (analysis, entities) in zip(items, told, strict=True)
    ]


def analyse(
    parsed: Sequence[Parsed],
    *,
    classifier: Classifier,
    finder: Finder,
    floors: Floors,
    earlier: Earlier | None = None,
) -> tuple[list[Analysed], list[Rejected]]:
    """Classify a batch; what the classifier cannot take is taken out of it.

    Args:
        parsed: The items.
        classifier: Tells what they say.
        finder: Knows companies by name.
        floors: How relevant an item must be to count.
        earlier: Gives copies the analysis of the text that they repeat; by default all are
            classified.

    Returns:
        The rest, in input order, and what was taken out.

    Raises:
        Exception: If the classifier fails on everything, or on what it is known to take: that is
            a fault of ours, not the items'.
    """

    def told(items: Sequence[NewsItem]) -> list[ItemRow]:
        return classify(items, classifier=classifier, finder=finder, floors=floors)

    def run(part: Sequence[Parsed]) -> list[Analysed]:
        items = [one.item for one in part]
        texts = [read_text(item.title, item.body) for item in items]
        rows = earlier.rows(items, texts, told) if earlier else told(items)
        return [
            Analysed(one.message, row, text)
            for one, row, text in zip(part, rows, texts, strict=True)
        ]

    def vouch(_: Exception) -> None:
        # Also where memory lacks: a text that needs too much would end one worker after the other.
        told(_KNOWN_GOOD)

    try:
        return run(parsed), []
    except Exception:  # noqa: BLE001  # raised again by one_by_one if it is not the items
        return one_by_one(parsed, lambda one: run([one])[0], vouch=vouch)


def scored(row: ItemRow) -> ScoredItem:
    """Return a row as `news.scored.v1` carries it."""
    return ScoredItem(
        id=row.id,
        published_at=row.published_at,
        title=row.title,
        source=row.source,
        url=row.url,
        language=row.language,
        text_hash=row.text_hash,
        sentiment=Sentiment(row.tone.sentiment),
        probabilities=_probabilities(row.tone),
        score=row.tone.score,
        topics=tuple(ScoredTopic(topic=topic, probability=p) for topic, p in row.topics),
        entities=tuple(_scored_entity(entity, entity.tone or row.tone) for entity in row.entities),
        model=row.model,
        relevance=row.relevance,
    )


def _scored_entity(entity: EntityRow, tone: Tone) -> ScoredEntity:
    return ScoredEntity(
        id=entity.id,
        name=entity.name,
        sentiment=Sentiment(tone.sentiment),
        probabilities=_probabilities(tone),
        score=tone.score,
    )


def _row(
    item: NewsItem,
    analysis: Analysis,
    entities: Sequence[LinkedEntity],
    model: str,
    floors: Floors,
) -> ItemRow:
    counts = _reaches(analysis, floors.entity)
    return ItemRow(
        **item_fields(item),
        tone=_tone(analysis.probabilities),
        model=model,
        topics=tuple((topic.topic, topic.probability) for topic in analysis.topics),
        entities=tuple(
            EntityRow(
                linked.entity.id,
                linked.entity.name,
                linked.entity.kind,
                tone=_tone(linked.probabilities),
                counts=counts,
            )
            for linked in entities
        ),
        relevance=analysis.relevance,
        is_relevant=_reaches(analysis, floors.item),
        story_vector=pack(analysis.story_vector),
    )


def _reaches(analysis: Analysis, floor: float) -> bool:
    return analysis.relevance is None or analysis.relevance >= floor


def _tone(probabilities: Probabilities) -> Tone:
    return Tone(
        probabilities[Sentiment.NEGATIVE],
        probabilities[Sentiment.NEUTRAL],
        probabilities[Sentiment.POSITIVE],
    )


def _probabilities(tone: Tone) -> Probabilities:
    return {
        Sentiment.NEGATIVE: tone.negative,
        Sentiment.NEUTRAL: tone.neutral,
        Sentiment.POSITIVE: tone.positive,
    }
