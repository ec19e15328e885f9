"""A recorded stream into classified rows, by the worker's own stages; no Kafka, no database.

Classifying takes minutes, so its results may be kept in a file: JSON lines as on
`news.scored.v1` (docs/schemas/scored_item.v1.json) with the story vector beside it, in the order
of the stream.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import Base64Bytes, ValidationError

from db.rows import EntityRow, ItemRow
from db.tone import Tone
from models.entities.linking import Finder
from models.labels import Classifier, Probabilities, Sentiment
from pipeline.messages import Limits, NewsItem, ScoredItem, item_id, text_hash
from pipeline.sources.base import Unreadable
from pipeline.sources.replay import Lines
from pipeline.stages.classify import Floors, analyse, scored
from pipeline.stages.parse import Message, Parsed

# Enough texts of like length for full batches, and little work lost when the run is ended.
_CHUNK = 1024


class StaleScores(Exception):
    """A file of scores does not belong to this stream and model; the text says what to do."""


class KeptItem(ScoredItem):
    """A result as the file keeps it; files of older versions have no vector."""

    story_vector: Base64Bytes = b""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a stream holds.

    Attributes:
        items: Each id once, as it came first; in the order of the stream.
        unreadable: Lines that would be dead letters.
    """

    items: tuple[NewsItem, ...]
    unreadable: int


def read_recording(path: Path, *, limits: Limits, until: datetime | None = None) -> Recording:
    """Read a stream as `tapewatch replay` does; raises SourceError if it cannot be read.

    Args:
        path: JSON lines, plain or .gz.
        limits: What an item may be at most.
        until: Items from this event time on are left out.

    Returns:
        Its items.
    """
    items: dict[str, NewsItem] = {}
    unreadable = 0
    for record in Lines(path, limits, until).records():
        if isinstance(record, Unreadable):
            unreadable += 1
        else:
            items.setdefault(item_id(record), record)
    return Recording(tuple(items.values()), unreadable)


def score(
    items: Sequence[NewsItem],
    *,
    version: str,
    load: Callable[[], tuple[Classifier, Finder]],
    floors: Floors,
    kept: Path | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[ItemRow]:
    """Classify items, except those whose results a file has from an earlier run.

    Args:
        items: With distinct ids.
        version: Of the classifier.
        load: Returns classifier and gazetteer; called only if there is something to classify.
        floors: How relevant an item must be to count.
        kept: Results are read from this file and new ones added to it, chunk by chunk: a run
            that was ended goes on where it was. Made if it is not there.
        on_progress: Gets the number of items that each chunk has added.

    Returns:
        One row an item, in order; without those that the classifier refuses.

    Raises:
        StaleScores: If the file was made with another model, from other texts, or is no such file.
        OSError: If the file can be neither read nor written.
    """
    known = read_scores(kept, model=version) if kept else {}
    rows = {
        key: restored(item, known[key], floors) for item in items if (key := item_id(item)) in known
    }
    on_progress(len(rows))
    missing = [item for item in items if item_id(item) not in known]
    if missing:
        classifier, finder = load()
        rest = iter(missing)
        while chunk := list(islice(rest, _CHUNK)):
            new = _classify(chunk, classifier=classifier, finder=finder, floors=floors)
            rows.update((row.id, row) for row in new)
            if kept:
                with kept.open("ab") as out:
                    out.writelines(_kept(row).to_bytes() + b"\n" for row in new)
            on_progress(len(chunk))
    return [rows[key] for item in items if (key := item_id(item)) in rows]


def read_scores(path: Path, *, model: str) -> dict[str, KeptItem]:
    """Return the results that a file keeps, by item id; none where there is no file.

    A last line that was cut short is removed. Raises StaleScores if a line is no result of
    ``model``.
    """
    if not path.exists():
        return {}
    found: dict[str, KeptItem] = {}
    with path.open("r+b") as file:
        whole = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                file.truncate(whole)
                break
            whole += len(line)
            told = _parsed(line, f"{path}:{number}")
            if told.model != model:
                raise StaleScores(
                    f"{path} holds results of the model {told.model}, and the model is now {model};"
                    " delete the file or name another one"
                )
            found[told.id] = told
    return found


def restored(item: NewsItem, told: KeptItem, floors: Floors) -> ItemRow:
    """Return the row of an item from its kept result; counts by the floors as they are now.

    Raises StaleScores if the result is of another text.
    """
    if told.text_hash != text_hash(item):
        raise StaleScores(
            f"the kept result of item {told.id} is of another text; delete the file of scores or"
            " name another one"
        )
    counts = told.relevance is None or told.relevance >= floors.entity
    return ItemRow(
        id=told.id,
        published_at=item.published_at,
        title=item.title,
        body=item.body,
        source=item.source,
        url=item.url,
        language=item.language or "en",
        text_hash=told.text_hash,
        tone=_tone(told.probabilities),
        model=told.model,
        topics=tuple((each.topic, each.probability) for each in told.topics),
        entities=tuple(
            EntityRow(
                each.id,
                each.name,
                tone=_tone(each.probabilities) if each.probabilities else None,
                counts=counts,
            )
            for each in told.entities
        ),
        relevance=told.relevance,
        is_relevant=told.relevance is None or told.relevance >= floors.item,
        story_vector=told.story_vector,
    )


def _classify(
    items: Sequence[NewsItem], *, classifier: Classifier, finder: Finder, floors: Floors
) -> list[ItemRow]:
    messages = [
        Parsed(Message("recording", 0, number, None, None), item)
        for number, item in enumerate(items)
    ]
    done, _ = analyse(messages, classifier=classifier, finder=finder, floors=floors)
    return [one.row for one in done]


def _kept(row: ItemRow) -> KeptItem:
    return KeptItem(**scored(row).model_dump(), story_vector=b64encode(row.story_vector))


def _parsed(line: bytes, where: str) -> KeptItem:
    try:
        return KeptItem.model_validate_json(line)
    except ValidationError as error:
        raise StaleScores(
            f"{where} is no result of the classifier; delete the file or name another one"
        ) from error


def _tone(probabilities: Probabilities) -> Tone:
    return Tone(
        probabilities[Sentiment.NEGATIVE],
        probabilities[Sentiment.NEUTRAL],
        probabilities[Sentiment.POSITIVE],
    )
