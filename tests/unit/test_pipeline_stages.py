import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from db.engine import DatabaseAway
from db.rows import Progress
from db.tone import Tone
from models.labels import Analysis, Span
from pipeline.messages import Limits, Reason, text_hash
from pipeline.stages.classify import Floors, analyse, scored
from pipeline.stages.isolate import one_by_one
from pipeline.stages.parse import Message, Parsed, parse
from pipeline.stages.store import progress_of
from tests.fake_models import (
    FLOORS,
    BrokenClassifier,
    KeywordClassifier,
    OneCompanyFinder,
    TellingClassifier,
)

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def message(
    offset: int, title: str = "Northwind falls", *, partition: int = 0, hour: int = 1
) -> Message:
    content = {"published_at": f"2024-03-01T{hour:02d}:00:00Z", "title": title, "source": "wire"}
    return Message("raw", partition, offset, b"key", json.dumps(content).encode())


def parsed(*messages: Message) -> list[Parsed]:
    items, rejected = parse(messages, now=NOW, limits=Limits())
    assert rejected == []
    return items


def test_parse_keeps_the_order_and_takes_out_what_is_no_item() -> None:
    tombstone = Message("raw", 0, 2, b"key", None)
    items, rejected = parse([message(1), tombstone, message(3)], now=NOW, limits=Limits())

    assert [one.message.offset for one in items] == [1, 3]
    assert [(one.message.offset, one.reason) for one in rejected] == [(2, Reason.NOT_JSON)]


def test_a_row_carries_sentiment_topics_entities_and_the_hash_of_its_text() -> None:
    (one,) = parsed(message(1, "Northwind: collapse"))

    (done,), rejected = analyse(
        [one], classifier=KeywordClassifier(), finder=OneCompanyFinder(), floors=FLOORS
    )

    row = done.row
    assert rejected == []
    assert row.tone.negative == 0.9
    assert (row.topics, row.model) == ((("banking", 0.8),), "keywords-1")
    assert [entity.id for entity in row.entities] == ["northwind"]
    assert row.text_hash == text_hash(one.item)


def test_a_model_that_tells_no_more_makes_every_item_count_with_the_tone_of_its_text() -> None:
    (done,), _ = analyse(
        parsed(message(1, "Northwind: collapse")),
        classifier=KeywordClassifier(),
        finder=OneCompanyFinder(),
        floors=FLOORS,
    )

    row = done.row
    assert (row.relevance, row.is_relevant) == (None, True)
    assert [(entity.tone, entity.counts) for entity in row.entities] == [(row.tone, True)]


def test_a_company_has_the_tone_towards_it_and_not_that_of_the_text() -> None:
    (done,), _ = analyse(
        parsed(message(1, "Northwind profits from the collapse of Vornholt")),
        classifier=TellingClassifier(),
        finder=OneCompanyFinder(),
        floors=FLOORS,
    )

    row = done.row
    assert row.tone.sentiment == "negative"
    assert [(e.id, e.kind, e.tone) for e in row.entities] == [
        ("northwind", "company", Tone(0.1, 0.2, 0.7)),
        ("name:vornholt", "unlisted", Tone(0.1, 0.2, 0.7)),
    ]


@pytest.mark.parametrize(
    ("relevance", "counted", "found"),
    [
        (0.5, (True, True), ["northwind", "name:vornholt"]),
        (0.49, (False, True), ["northwind", "name:vornholt"]),
        (0.2, (False, True), ["northwind", "name:vornholt"]),
        (0.19, (False, False), ["northwind"]),
    ],
)
def test_an_item_counts_for_the_market_and_for_companies_from_a_relevance_on(
    relevance: float, counted: tuple[bool, bool], found: list[str]
) -> None:
    (done,), _ = analyse(
        parsed(message(1, "Northwind and Vornholt")),
        classifier=TellingClassifier(relevance=relevance),
        finder=OneCompanyFinder(),
        floors=Floors(item=0.5, entity=0.2),
    )

    row = done.row
    assert (row.is_relevant, row.entities[0].counts) == counted
    assert [entity.id for entity in row.entities] == found
    assert row.relevance == relevance


def test_an_item_is_not_about_its_own_source() -> None:
    content = {"published_at": "2024-03-01T01:00:00Z", "title": "By Vornholt", "source": "vornholt"}
    batch = parsed(Message("raw", 0, 1, b"key", json.dumps(content).encode()))

    (done,), _ = analyse(
        batch, classifier=TellingClassifier(), finder=OneCompanyFinder(), floors=FLOORS
    )

    assert done.row.entities == ()


def test_the_scored_message_repeats_the_row() -> None:
    (done,), _ = analyse(
        parsed(message(1, "Northwind: collapse")),
        classifier=TellingClassifier(),
        finder=OneCompanyFinder(),
        floors=FLOORS,
    )

    content = json.loads(scored(done.row).to_bytes())

    assert content["sentiment"] == "negative"
    assert content["score"] == pytest.approx(0.03 - 0.9)
    assert content["relevance"] == 1.0
    assert content["entities"] == [
        {
            "id": "northwind",
            "name": "Northwind Bank",
            "sentiment": "positive",
            "probabilities": {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
            "score": pytest.approx(0.6),
        }
    ]
    assert content["published_at"] == "2024-03-01T01:00:00Z"


def test_an_item_that_breaks_the_classifier_is_taken_out_of_its_batch() -> None:
    batch = parsed(message(1), message(2, "EXPLODE"), message(3))

    done, rejected = analyse(
        batch, classifier=KeywordClassifier(), finder=OneCompanyFinder(), floors=FLOORS
    )

    assert [one.message.offset for one in done] == [1, 3]
    assert [(one.message.offset, one.reason, one.detail) for one in rejected] == [
        (2, Reason.NOT_PROCESSABLE, "RuntimeError")
    ]


def test_a_classifier_that_fails_on_everything_is_a_bug_and_no_poison() -> None:
    with pytest.raises(RuntimeError):
        analyse(
            parsed(message(1), message(2)),
            classifier=BrokenClassifier(),
            finder=OneCompanyFinder(),
            floors=FLOORS,
        )


def test_an_item_that_came_alone_is_to_blame_only_if_the_classifier_takes_what_is_good() -> None:
    with pytest.raises(RuntimeError):
        analyse(
            parsed(message(1)),
            classifier=BrokenClassifier(),
            finder=OneCompanyFinder(),
            floors=FLOORS,
        )

    done, rejected = analyse(
        parsed(message(1, "EXPLODE")),
        classifier=KeywordClassifier(),
        finder=OneCompanyFinder(),
        floors=FLOORS,
    )

    assert done == []
    assert [one.reason for one in rejected] == [Reason.NOT_PROCESSABLE]


class FullClassifier(KeywordClassifier):
    """Runs out of memory at a text that holds "LONG"."""

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text."""
        if any("LONG" in text for text in texts):
            raise MemoryError
        return KeywordClassifier.classify(self, texts, spans=spans)


def test_a_text_that_memory_does_not_suffice_for_is_taken_out_of_its_batch() -> None:
    done, rejected = analyse(
        parsed(message(1), message(2, "LONG")),
        classifier=FullClassifier(),
        finder=OneCompanyFinder(),
        floors=FLOORS,
    )

    assert [one.message.offset for one in done] == [1]
    assert [(one.reason, one.detail) for one in rejected] == [
        (Reason.NOT_PROCESSABLE, "MemoryError")
    ]


def test_nobody_is_to_blame_while_the_database_is_away() -> None:
    def work(_: Parsed) -> None:
        raise DatabaseAway

    with pytest.raises(DatabaseAway):
        one_by_one(parsed(message(1), message(2)), work, vouch=lambda _: None)


def test_progress_counts_dead_letters_and_takes_the_newest_event_time_of_each_partition() -> None:
    batch = [
        message(4, hour=3),
        message(5, hour=2),
        message(9, partition=1, hour=1),
        Message("raw", 1, 10, None, b"broken"),
        Message("raw", 2, 0, None, b"broken"),
    ]
    items, _ = parse(batch, now=NOW, limits=Limits())

    assert progress_of(batch, items) == [
        Progress("raw", 0, 6, datetime(2024, 3, 1, 3, tzinfo=UTC)),
        Progress("raw", 1, 11, datetime(2024, 3, 1, 1, tzinfo=UTC)),
        Progress("raw", 2, 1, None),
    ]
