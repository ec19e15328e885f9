"""Copies take the analysis of what they repeat; all that is their own stays theirs."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from models.entities.gazetteer import Candidate
from models.labels import Analysis, Span
from pipeline.messages import Limits
from pipeline.stages.classify import Analysed, analyse
from pipeline.stages.parse import Message, Parsed, parse
from pipeline.stages.reuse import Earlier
from tests.fake_models import FLOORS, KeywordClassifier, OneCompanyFinder, TellingClassifier

START = datetime(2024, 3, 1, tzinfo=UTC)
STORY = "Northwind falls after a collapse of its loan book in the north"
FINDER = OneCompanyFinder()


@dataclass(frozen=True, slots=True)
class CountingClassifier(TellingClassifier):
    """Remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text."""
        self.asked.extend(texts)
        return TellingClassifier.classify(self, texts, spans=spans)


def read(*titles: str, hours: float = 0) -> list[Parsed]:
    messages = [
        Message(
            "raw",
            0,
            number,
            b"key",
            json.dumps(
                {
                    "published_at": (START + timedelta(hours=hours, seconds=number)).isoformat(),
                    "title": title,
                    "source": f"outlet-{number}",
                    "url": f"https://example.com/{number}",
                }
            ).encode(),
        )
        for number, title in enumerate(titles)
    ]
    return parse(messages, now=START + timedelta(days=30), limits=Limits())[0]


def told(
    classifier: KeywordClassifier, earlier: Earlier, *titles: str, hours: float = 0
) -> list[Analysed]:
    done, rejected = analyse(
        read(*titles, hours=hours),
        classifier=classifier,
        finder=FINDER,
        floors=FLOORS,
        earlier=earlier,
    )
    assert rejected == []
    return done


def test_a_copy_is_not_classified_and_keeps_its_own_source_link_and_title() -> None:
    classifier, earlier = CountingClassifier(), Earlier(FINDER)

    first, copy = told(classifier, earlier, STORY, f"UPDATE 1-{STORY}")
    (later,) = told(classifier, earlier, STORY.upper(), hours=2)

    assert classifier.asked == [STORY]
    for one in (copy, later):
        assert (one.row.tone, one.row.topics) == (first.row.tone, first.row.topics)
        assert one.row.story_vector == first.row.story_vector != b""
        assert [entity.id for entity in one.row.entities] == ["northwind"]
    assert copy.row.title == f"UPDATE 1-{STORY}"
    assert (copy.row.source, copy.row.url) == ("outlet-1", "https://example.com/1")
    assert copy.row.id != first.row.id


def test_rows_come_in_the_order_of_the_items() -> None:
    titles = [STORY, "Rates stay as they are, the central bank says", f"{STORY}", "Oil is cheaper"]

    done = told(CountingClassifier(), Earlier(FINDER), *titles)

    assert [one.row.title for one in done] == titles


def test_a_copy_that_names_another_company_is_classified() -> None:
    classifier, earlier = CountingClassifier(), Earlier(FINDER)
    nameless = STORY.replace("Northwind", "The lender")

    told(classifier, earlier, nameless)
    (named,) = told(classifier, earlier, f"Northwind: {nameless}")

    assert len(classifier.asked) == 2
    assert [entity.id for entity in named.row.entities] == ["northwind"]


def test_after_72_hours_a_text_is_classified_anew() -> None:
    classifier, earlier = CountingClassifier(), Earlier(FINDER)

    told(classifier, earlier, STORY)
    told(classifier, earlier, STORY, hours=73)

    assert len(classifier.asked) == 2


def test_a_copy_of_a_text_that_cannot_be_classified_is_tried_by_itself() -> None:
    earlier = Earlier(FINDER)
    with pytest.raises(RuntimeError):
        told(KeywordClassifier(), earlier, f"{STORY} EXPLODE", f"{STORY} EXPLODE")
    classifier = CountingClassifier()

    (one,) = told(classifier, earlier, f"{STORY} EXPLODE", hours=1)

    assert one.row.title == f"{STORY} EXPLODE"
    assert len(classifier.asked) == 1


class BreakingFinder(OneCompanyFinder):
    """Finds companies, and breaks on a text that holds "BREAK"."""

    def candidates(self, text: str) -> list[Candidate]:
        """Return what the text names."""
        if "BREAK" in text:
            raise RuntimeError("cannot read this")
        return super().candidates(text)


@pytest.mark.timeout(20)
def test_a_copy_that_breaks_the_finder_does_not_let_its_neighbours_wait_for_themselves() -> None:
    finder, classifier = BreakingFinder(), CountingClassifier()
    earlier = Earlier(finder)
    analyse(read(STORY), classifier=classifier, finder=finder, floors=FLOORS, earlier=earlier)

    done, rejected = analyse(
        read("Oil is cheaper", f"{STORY} BREAK"),
        classifier=classifier,
        finder=finder,
        floors=FLOORS,
        earlier=earlier,
    )

    assert [one.row.title for one in done] == ["Oil is cheaper"]
    assert [one.message.offset for one in rejected] == [1]


class ShortClassifier(CountingClassifier):
    """A bug: has no answer for the last of several texts."""

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return one analysis a text, but for the last of several."""
        found = CountingClassifier.classify(self, texts, spans=spans)
        return found[:-1] if len(found) > 1 else found


@pytest.mark.timeout(20)
def test_texts_that_were_given_up_are_told_anew_and_copies_take_that() -> None:
    titles = [STORY, "Oil is cheaper"]
    classifier, earlier = ShortClassifier(), Earlier(FINDER)

    told(classifier, earlier, *titles)
    told(classifier, earlier, *titles, hours=1)

    assert classifier.asked == [*titles, *titles], "once together, once one by one"


def test_two_threads_classify_a_text_once() -> None:
    classifier, earlier = CountingClassifier(delay_s=0.05), Earlier(FINDER)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: told(classifier, earlier, STORY), range(2)))

    assert classifier.asked == [STORY]
    assert both[0][0].row.tone == both[1][0].row.tone
