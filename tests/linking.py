"""What the tests of linking share: a text, the model's mentions in it, and whom both name."""

from models.entities.gazetteer import Gazetteer
from models.entities.linking import LinkedEntity, link
from models.labels import Analysis, EntityType, Mention, Probabilities, Sentiment

PERSON, COMPANY, LOCATION = EntityType.PERSON, EntityType.COMPANY, EntityType.LOCATION


def tone(score: float) -> Probabilities:
    return {
        Sentiment.NEGATIVE: max(0.0, -score),
        Sentiment.NEUTRAL: 1 - abs(score),
        Sentiment.POSITIVE: max(0.0, score),
    }


WHOLE, GAZETTEER, MODEL = tone(0.1), tone(-0.9), tone(0.5)


def seen(
    text: str, name: str, kind: EntityType = COMPANY, *, probability: float = 0.95, nth: int = 1
) -> Mention:
    """Return the model's mention at the n-th place where the name stands."""
    start = -1
    for _ in range(nth):
        start = text.index(name, start + 1)
    return Mention(start, start + len(name), kind, probability, MODEL)


def linked(
    gazetteer: Gazetteer,
    text: str,
    *mentions: Mention,
    source: str = "",
    with_unlisted: bool = True,
) -> list[LinkedEntity]:
    candidates = gazetteer.candidates(text)
    sides = (GAZETTEER,) * len(candidates)
    analysis = Analysis(WHOLE, mentions=mentions, span_sentiments=sides)
    return link(
        text, candidates, analysis, finder=gazetteer, source=source, with_unlisted=with_unlisted
    )


def ids(found: list[LinkedEntity]) -> list[str]:
    return [one.entity.id for one in found]
