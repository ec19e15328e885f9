"""What is read, what is refused and what is written."""

import gzip
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.evaluation.report import WORST, write_report
from models.evaluation.rows import read_rows
from models.evaluation.task import EvaluationError, Task
from models.labels import Analysis
from tests.evaluation import ScriptedClassifier, measure, sides, write


@pytest.mark.parametrize(
    ("task", "line", "reason"),
    [
        (Task.SENTIMENT, '{"text": "a", "label": "glad"}', "label: Input should be 'negative'"),
        (Task.SENTIMENT, '{"text": "", "label": "neutral"}', "text: String should have at least"),
        (Task.TOPIC, '{"text": "a", "label": "Weather"}', "label: Input should be 'Analyst"),
        (Task.NER, '{"tokens": ["a"], "tags": []}', "1 tokens and 0 tags"),
        (Task.NER, '{"tokens": ["a"], "tags": ["PER"]}', "tags.0: String should match"),
        (Task.NER, '{"tokens": ["a"], "tags": ["B-DOG"]}', "unknown entity type 'DOG'"),
        (Task.NER, '{"text": "a", "entities": [{"value": "a", "type": "狗"}]}', "type '狗'"),
        (
            Task.ENTITY_SENTIMENT,
            '{"text": "a", "entities": [{"start": 0, "end": 2, "sentiment": "neutral"}]}',
            "entity 0..2 is not inside the text",
        ),
        (Task.RELEVANCE, '{"text": "a"}', "category: Field required"),
        (Task.RELEVANCE, "[]", "not a JSON object"),
        (Task.RELEVANCE, "{", "not JSON"),
        (Task.RELEVANCE, r'{"text": "\ud83d", "category": "tech"}', "text: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, task: Task, line: str, reason: str) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")

    with pytest.raises(EvaluationError) as raised:
        read_rows(path, task)

    assert str(raised.value).startswith(f"{path}:2: ")
    assert reason in str(raised.value)


def test_a_file_holds_rows_of_one_format(tmp_path: Path) -> None:
    topics = write(
        tmp_path / "t.jsonl", {"text": "a", "label": "Macro"}, {"text": "a", "labels": ["经济"]}
    )
    empty = write(tmp_path / "empty.jsonl")

    with pytest.raises(EvaluationError, match=r"t\.jsonl:2: another format than the rows before"):
        read_rows(topics, Task.TOPIC)
    with pytest.raises(EvaluationError, match=r"empty\.jsonl has no rows"):
        read_rows(empty, Task.TOPIC)


def test_packed_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a", "category": "business"}\n'))

    [row] = read_rows(path, Task.RELEVANCE)

    assert row.model_dump() == {"text": "a", "category": "business"}


class _Page(HTMLParser):
    """Collects the text of a page and whatever it would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_shows_errors_as_text_and_fetches_nothing(tmp_path: Path) -> None:
    trick = "<script>alert(1)</script> & <img src=//example.org>"
    path = write(
        tmp_path / "s.jsonl",
        {"text": trick, "label": "negative"},
        {"text": "fine", "label": "neutral"},
        *({"text": f"wrong {i}", "label": "positive"} for i in range(WORST)),
    )
    model = ScriptedClassifier({trick: Analysis(sides(0.01, 0.98, 0.01))})
    out = tmp_path / "report.html"

    write_report(measure(path, Task.SENTIMENT, model), out)

    source = out.read_text(encoding="utf-8")
    page = _Page()
    page.feed(source)
    assert trick in page.text
    assert page.text.index(trick) < page.text.index("wrong 0")
    assert f"wrong {WORST - 2}" in page.text
    assert f"wrong {WORST - 1}" not in page.text
    assert page.fetched == []
    assert not {"script", "img", "link"} & set(page.tags)
    assert "default-src 'none'" in source


def test_the_report_marks_the_part_that_an_error_is_about(tmp_path: Path) -> None:
    text = "x " * 500 + "Acme falls" + " y" * 500
    entity = {"start": 1000, "end": 1004, "sentiment": "negative"}
    path = write(tmp_path / "e.jsonl", {"text": text, "entities": [entity]})
    model = ScriptedClassifier(towards={"Acme": sides(0.1, 0.2, 0.7)})
    out = tmp_path / "report.html"

    write_report(measure(path, Task.ENTITY_SENTIMENT, model), out)

    source = out.read_text(encoding="utf-8")
    assert "<mark>Acme</mark> falls y" in source
    assert "y" * 3 not in source
    assert text not in source
