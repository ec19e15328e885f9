"""The queries that the documents show, run against the current schema."""

import re
from typing import LiteralString, cast

import psycopg
import pytest

from tests.compose import ROOT

pytestmark = pytest.mark.integration


def shown(page: str) -> list[LiteralString]:
    """Return the questions in a page's fenced blocks of SQL."""
    blocks = re.findall(r"^```sql\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.M | re.S)
    return [cast("LiteralString", block) for block in blocks if block.startswith("SELECT")]


def test_a_reader_may_ask_every_question_that_the_documents_show(database_url: str) -> None:
    questions = [*shown("README.md"), *shown("docs/sql.md")]

    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE tapewatch_reader")
        for question in questions:
            assert connection.execute(question).fetchall() == []

    assert len(questions) >= 5


def test_every_query_of_the_runbook_runs(database_url: str) -> None:
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    queries = [cast("LiteralString", query) for query in re.findall(r"`(SELECT [^`]+)`", text)]

    with psycopg.connect(database_url) as connection:
        for query in queries:
            assert connection.execute(query).fetchall() == []

    assert len(queries) >= 4
