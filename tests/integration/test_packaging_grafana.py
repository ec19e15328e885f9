"""The role and the SQL of the dashboards, against a real database as Grafana would ask it."""

import json
import os
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import make_url

from db.engine import Engine
from pipeline.demo.embedded import psql
from tests.compose import ROOT
from tests.integration.desk_archive import fill

pytestmark = pytest.mark.integration

GRAFANA = ROOT / "config/grafana"
PASSWORD = "a'quoted'\\password"


@pytest.fixture
def grafana(database_url: str, postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection as the role that the shipped script makes, run twice."""
    for _ in range(2):
        subprocess.run(  # noqa: S603
            [
                str(psql()),
                "--no-psqlrc",
                "--set=ON_ERROR_STOP=1",
                f"--file={GRAFANA / 'role.sql'}",
                database_url,
            ],
            env={**os.environ, "READER_PASSWORD": PASSWORD},
            check=True,
        )
    url = make_url(database_url).set(username="tapewatch_grafana", password=PASSWORD)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("DROP ROLE tapewatch_grafana")


def questions() -> Iterator[tuple[str, str]]:
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        board = json.loads(path.read_text("utf-8"))
        for variable in board["templating"]["list"]:
            yield f"{path.stem}: ${variable['name']}", variable["query"]
        for panel in board["panels"]:
            for target in panel["targets"]:
                if "rawSql" in target:
                    yield f"{path.stem}: {panel['title']}", target["rawSql"]


def filled_in(question: str) -> str:
    """Return a question with Grafana's macros and variables as Grafana fills them in."""
    text = question.replace("${company:sqlstring}", "'us:SIVB'")
    while "$__timeFilter(" in text:
        before, _, rest = text.partition("$__timeFilter(")
        column, _, rest = rest.partition(")")
        text = f"{before}{column} BETWEEN '2023-03-01' AND '2123-03-12'{rest}"
    assert "$" not in text, text
    return text


def test_every_question_of_the_dashboards_is_answered(
    engine: Engine, grafana: psycopg.Connection
) -> None:
    fill(engine)
    answered = {
        name: len(grafana.execute(filled_in(question).encode()).fetchall())
        for name, question in questions()
    }

    assert len(answered) >= 12
    empty = {name for name, rows in answered.items() if not rows}
    assert empty == {"operations: Deliveries by state", "operations: Deliveries that fail"}


def test_the_role_reads_views_and_writes_nothing(grafana: psycopg.Connection) -> None:
    for statement in (b"SELECT secret FROM subscriptions", b"SELECT digest FROM api_keys"):
        with pytest.raises(errors.InsufficientPrivilege):
            grafana.execute(statement)
    with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
        grafana.execute("CREATE TABLE mine (id int)")
    with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
        grafana.execute("UPDATE v_alerts SET state = 'resolved'")
