"""The questions of docs/sql.md and their answers on the demo's stream, read by the shipped model.

``TAPEWATCH_TEST_WRITE_ANSWERS=1`` writes the answers into the page instead: after a change of the
weights or of detection.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import pytest

from db.engine import Engine
from tests.compose import ROOT
from tests.integration.demo_archive import store_demo

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs/sql.md"
WRITE = bool(os.environ.get("TAPEWATCH_TEST_WRITE_ANSWERS"))
_ASKED = re.compile(r"(```sql\n(SELECT .*?)```\n)(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def width(text: str) -> int:
    """Return the columns that a text takes: a Chinese character takes two."""
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [list(names), *([cell(value) for value in row] for row in rows)]
    widths = [max(width(line[at]) for line in lines) for at in range(len(names))]
    padded = [
        " | ".join(
            text + " " * (wide - width(text)) for text, wide in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([padded[0], "-+-".join("-" * wide for wide in widths), *padded[1:], ""])


def test_each_question_has_the_answer_that_stands_below_it(
    engine: Engine, database_url: str
) -> None:
    store_demo(engine)
    page = PAGE.read_text("utf-8")
    questions = _ASKED.findall(page)
    answers: list[str] = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET ROLE tapewatch_reader")
        for _, question, _ in questions:
            found = connection.execute(question.encode())
            names = [column.name for column in found.description or ()]
            answers.append(table(names, found.fetchall()))
    if WRITE:
        told = iter(answers)
        written = _ASKED.sub(lambda match: f"{match[1]}\n```text\n{next(told)}```\n", page)
        PAGE.write_text(written, encoding="utf-8")
        return

    assert len(questions) >= 10
    assert [answer for *_, answer in questions] == answers
    assert all(answer.count("\n") > 2 for answer in answers), "no question without an answer"


@pytest.mark.usefixtures("engine")
def test_each_column_of_a_view_is_described(database_url: str) -> None:
    page = PAGE.read_text("utf-8")
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name LIKE 'v\\_%'"
        ).fetchall()

    described = {
        view: text
        for names, text in re.findall(r"^### (v_.*?)\n(.*?)(?=^##)", page, re.M | re.S)
        for view in names.split(", ")
    }
    assert {view for view, _ in columns} == described.keys()
    assert [(view, name) for view, name in columns if f"`{name}`" not in described[view]] == []


@pytest.mark.usefixtures("engine")
def test_each_question_of_the_runbook_can_be_asked(database_url: str) -> None:
    runbook = (ROOT / "docs/runbook.md").read_text("utf-8")
    questions = re.findall(r"`(SELECT [^`]+)`", runbook)

    assert questions
    with psycopg.connect(database_url) as connection:
        for question in questions:
            connection.execute(question.encode())
