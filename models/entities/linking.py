"""Joins what gazetteer and model find in a text: which companies, and the tone towards each.

The gazetteer knows names and ids, the model knows the sentence. Where they disagree:

- a name that is also a common word (Target, 平安, COST) counts without evidence beside it if the
  model takes it for a company;
- a name that the model takes for a person or a place does not count, unless it is long or a symbol;
- a company that no list has gets an id of its own (``unlisted``), unless the text shows that it is
  a person.

Pure. Persons, places and authorities become no entities: series are about companies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.entities.appointments import is_appointed
from models.entities.gazetteer import Candidate, Entity, Trust
from models.entities.table import NO_ENTITY
from models.entities.unlisted import KIND, core, is_speaker, unlisted
from models.labels import Analysis, EntityType, Mention, Probabilities, Sentiment, Span

# A name that the gazetteer knows needs less of the model than one that nobody has heard of, and
# to take away what the gazetteer found needs most.
KNOWN, UNKNOWN, CONTRARY = 0.46, 0.55, 0.75
_OTHERS = frozenset((EntityType.PERSON, EntityType.LOCATION))

Words = tuple[str, ...]
"""A name as ``core`` gives it."""


class Finder(Protocol):
    """What ``Gazetteer`` is to linking."""

    def candidates(self, text: str) -> Sequence[Candidate]:
        """Return the places where a text may name a company, in order, none overlapping."""
        ...

    def named(self, name: str) -> Entity | None:
        """Return the company of that name, given that it is a company's."""
        ...


@dataclass(frozen=True, slots=True)
class LinkedEntity:
    """A company of a text.

    Attributes:
        probabilities: Of the sentiment towards it: the mean over the places that name it; that
            of the whole text from a model that does not tell.
        spans: The places that name it, in order.
    """

    entity: Entity
    probabilities: Probabilities
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """One place that counts: ``text[start:end]`` names the entity."""

    start: int
    end: int
    entity: Entity
    probabilities: Probabilities


def spans_of(candidates: Sequence[Candidate]) -> list[Span]:
    """Return the spans whose sentiment ``link`` needs from the classifier."""
    return [(candidate.start, candidate.end) for candidate in candidates]


def link(
    text: str,
    candidates: Sequence[Candidate],
    analysis: Analysis,
    *,
    finder: Finder,
    source: str = "",
    with_unlisted: bool = True,
) -> list[LinkedEntity]:
    """Tell the companies of a text and the sentiment towards each.

    Args:
        text: As the classifier and the finder read it.
        candidates: What ``finder`` found in it.
        analysis: What the classifier said of it when asked for ``spans_of(candidates)``.
        finder: Knows names.
        source: Who published the text; never an entity of its own.
        with_unlisted: Whether companies that no list has count.

    Returns:
        Each company once, in the order of first mention.
    """
    companies = [mention for mention in analysis.mentions if mention.type is EntityType.COMPANY]
    counted = _counted(text, candidates, analysis, companies)
    settled = [(c.start, c.end) for c in candidates if c.trust is Trust.NONE]
    settled += [(place.start, place.end) for place in counted]
    open_mentions = [m for m in companies if not any(_overlap(m, span) for span in settled)]
    places = list(counted)
    long_names = _by_beginning(text, counted)
    for mention in open_mentions:
        entity = _entity_of(text, mention, long_names, finder, source)
        if entity and entity.kind == KIND and _is_person(text, mention, analysis.mentions):
            continue
        if entity and (with_unlisted or entity.kind != KIND):
            places.append(_Place(mention.start, mention.end, entity, mention.sentiment))
    return _joined(_with_long_names(text, places))


def _counted(
    text: str, candidates: Sequence[Candidate], analysis: Analysis, companies: Sequence[Mention]
) -> list[_Place]:
    """Return the places of the gazetteer that count."""
    others = [m for m in analysis.mentions if m.type in _OTHERS and m.probability >= CONTRARY]
    sure = {found.entity.id for found in candidates if found.trust is Trust.SURE}

    def is_other(found: Candidate) -> bool:
        inside = any(m.start <= found.start and found.end <= m.end for m in others)
        return inside and found.entity.id not in sure

    left = [i for i, c in enumerate(candidates) if c.trust is not Trust.NONE and not is_other(c)]
    # Once a company is known to be meant its weaker names in the same text count too.
    meant = {
        found.entity.id
        for found in (candidates[i] for i in left)
        if found.trust is not Trust.WEAK or _is_meant(text, found, companies)
    }
    sides = analysis.span_sentiments or (analysis.probabilities,) * len(candidates)
    return [
        _Place(candidates[i].start, candidates[i].end, candidates[i].entity, sides[i])
        for i in left
        if candidates[i].entity.id in meant
    ]


def _is_meant(text: str, found: Candidate, companies: Sequence[Mention]) -> bool:
    """Whether the model takes this very name, give or take its legal form, for a company."""
    name = text[found.start : found.end]
    if is_speaker(name):
        return False
    return any(
        mention.probability >= KNOWN
        and _overlap(mention, (found.start, found.end))
        and (
            (found.start <= mention.start and mention.end <= found.end)
            or core(text[mention.start : mention.end]) == core(name)
        )
        for mention in companies
    )


def _entity_of(
    text: str, mention: Mention, long_names: Mapping[Words, Entity], finder: Finder, source: str
) -> Entity | None:
    """Return whom a name means that no place of the gazetteer explains."""
    name = text[mention.start : mention.end]
    before = text[mention.start - 1 : mention.start]
    if mention.probability < KNOWN or is_speaker(name) or before in {"@", "$"}:
        return None
    words = core(name)
    if words in long_names:  # "Signature Bank ... Signature"
        return long_names[words]
    entity = finder.named(name.strip()) or finder.named(" ".join(words) if words else "")
    if entity:
        return None if entity.id == NO_ENTITY else entity
    return unlisted(name, source=source) if mention.probability >= UNKNOWN else None


def _is_person(text: str, mention: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether a name that the model alone takes for a company's is a person's after all."""
    if is_appointed(text, (mention.start, mention.end)):
        return True
    if mention.probability >= CONTRARY:  # "Greensill", of a text that names Lex Greensill too
        return False
    name = text[mention.start : mention.end]
    persons = (
        text[other.start : other.end]
        for other in mentions
        if other.type is EntityType.PERSON and other.probability >= UNKNOWN
    )
    return any(person == name or person.endswith(f" {name}") for person in persons)


def _with_long_names(text: str, places: Sequence[_Place]) -> list[_Place]:
    """Give a short unlisted name to the longest of the same text that begins with it."""
    own = [place for place in places if place.entity.kind == KIND]
    long_names = _by_beginning(text, sorted(own, key=lambda place: -len(place.entity.id)))

    def entity(place: _Place) -> Entity:
        return long_names.get(core(text[place.start : place.end]), place.entity)

    return [
        _Place(place.start, place.end, entity(place), place.probabilities)
        if place.entity.kind == KIND
        else place
        for place in places
    ]


def _joined(places: Sequence[_Place]) -> list[LinkedEntity]:
    by_id: dict[str, list[_Place]] = {}
    for place in sorted(places, key=lambda place: place.start):
        by_id.setdefault(place.entity.id, []).append(place)
    return [
        LinkedEntity(
            own[0].entity,
            {s: sum(place.probabilities[s] for place in own) / len(own) for s in Sentiment},
            tuple((place.start, place.end) for place in own),
        )
        for own in by_id.values()
    ]


def _by_beginning(text: str, places: Iterable[_Place]) -> dict[Words, Entity]:
    """Return, for whatever names begin with, the entity of the first place that does."""
    found: dict[Words, Entity] = {}
    for place in places:
        for beginning in _beginnings(core(text[place.start : place.end])):
            found.setdefault(beginning, place.entity)
    return found


def _beginnings(name: Words) -> Iterator[Words]:
    """Yield what a name begins with, itself too: by words, or by characters in Chinese."""
    yield from (name[:count] for count in range(1, len(name) + 1))
    if len(name) == 1:
        parts = (name[0][:count] for count in range(1, len(name[0])))
        yield from ((part,) for part in parts if not part.isascii())


def _overlap(mention: Mention, span: Span) -> bool:
    return mention.start < span[1] and span[0] < mention.end
