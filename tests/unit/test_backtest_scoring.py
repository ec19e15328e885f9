import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.entities.linking import Finder
from models.labels import Classifier
from pipeline.backtest.scoring import StaleScores, read_recording, score
from pipeline.messages import Limits, NewsItem, ScoredItem
from pipeline.stages.classify import Floors, classify
from tests.fake_models import FLOORS, KeywordClassifier, OneCompanyFinder

VERSION = KeywordClassifier().version
Loader = Callable[[], tuple[Classifier, Finder]]


def load() -> tuple[Classifier, Finder]:
    return KeywordClassifier(), OneCompanyFinder()


def load_nothing() -> tuple[Classifier, Finder]:
    pytest.fail("nothing was to be classified")


def news(count: int, *, title: str = "Northwind faces collapse") -> list[NewsItem]:
    return [
        NewsItem(
            published_at=datetime(2024, 3, 1, hour, tzinfo=UTC),
            title=f"{title} {hour}",
            source="wire",
            language="en",
            id=f"item {hour}",
        )
        for hour in range(count)
    ]


def run(items: list[NewsItem], kept: Path | None, loader: Loader = load) -> list[object]:
    return list(score(items, version=VERSION, load=loader, floors=FLOORS, kept=kept))


def test_rows_are_those_of_the_worker_with_a_file_and_without(tmp_path: Path) -> None:
    items = news(5)
    classifier, finder = load()
    rows = classify(items, classifier=classifier, finder=finder, floors=FLOORS)

    assert all(row.story_vector for row in rows)
    assert run(items, None) == rows
    assert run(items, tmp_path / "scored.jsonl") == rows
    assert run(items, tmp_path / "scored.jsonl", load_nothing) == rows


def test_a_file_from_before_vectors_were_kept_gives_rows_without(tmp_path: Path) -> None:
    kept = tmp_path / "scored.jsonl"
    run(news(1), kept)
    line = json.loads(kept.read_text("utf-8"))
    del line["story_vector"]
    kept.write_text(json.dumps(line) + "\n", "utf-8")

    [row] = score(news(1), version=VERSION, load=load_nothing, floors=FLOORS, kept=kept)

    assert row.story_vector == b""


def test_a_run_goes_on_where_another_was_ended_in_the_middle_of_a_line(tmp_path: Path) -> None:
    items, kept = news(6), tmp_path / "scored.jsonl"
    run(items[:3], kept)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-20])
    told: list[int] = []

    rows = score(
        items, version=VERSION, load=load, floors=FLOORS, kept=kept, on_progress=told.append
    )

    assert [row.id for row in rows] == [f"item {n}" for n in range(6)]
    assert told == [2, 4]
    lines = [ScoredItem.model_validate_json(line) for line in kept.read_bytes().splitlines()]
    assert [line.id for line in lines] == [f"item {n}" for n in range(6)]


def test_what_counts_is_decided_by_the_floors_of_the_day(tmp_path: Path) -> None:
    kept = tmp_path / "scored.jsonl"
    run(news(1), kept)
    line = json.loads(kept.read_text("utf-8")) | {"relevance": 0.3}
    kept.write_text(json.dumps(line) + "\n", "utf-8")

    [low] = score(news(1), version=VERSION, load=load, floors=Floors(0.3, 0.2), kept=kept)
    [high] = score(news(1), version=VERSION, load=load, floors=Floors(0.5, 0.4), kept=kept)

    assert (low.is_relevant, low.entities[0].counts) == (True, True)
    assert (high.is_relevant, high.entities[0].counts) == (False, False)


def test_results_of_another_model_are_refused_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "scored.jsonl"
    run(news(2), kept)
    before = kept.read_bytes()

    with pytest.raises(StaleScores, match=r"of the model keywords-1, and the model is now other"):
        score(news(2), version="other", load=load, floors=FLOORS, kept=kept)

    assert kept.read_bytes() == before


def test_a_result_of_another_text_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "scored.jsonl"
    run(news(2), kept)

    with pytest.raises(StaleScores, match="item 0 is of another text"):
        run(news(2, title="Something else"), kept)


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "news.jsonl"
    kept.write_text('{"title": "news"}\nmore without an end', "utf-8")

    with pytest.raises(StaleScores, match=r"news\.jsonl:1 is no result"):
        run(news(2), kept)

    assert kept.read_text("utf-8").endswith("more without an end")


def test_an_item_that_the_classifier_refuses_is_left_out() -> None:
    items = [*news(2), *news(1, title="EXPLODE")]
    items[2] = items[2].model_copy(update={"id": "bad"})

    rows = score(items, version=VERSION, load=load, floors=FLOORS)

    assert [row.id for row in rows] == ["item 0", "item 1"]


def test_a_recording_gives_each_id_once_and_counts_what_is_no_item(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    first, second = (item.to_bytes() for item in news(2))
    again = first.replace(b"collapse", b"growth")
    path.write_bytes(b"\n".join([first, second, again, b"{}", b""]))

    recording = read_recording(path, limits=Limits())

    assert [item.title for item in recording.items] == [item.title for item in news(2)]
    assert recording.unreadable == 1
