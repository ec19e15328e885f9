"""Series on the command line: as tables, CSV and JSON."""

import csv
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Progress
from tests.integration.commands.shell import Shell
from tests.integration.samples import NEUTRAL, NOON, SVB, item

pytestmark = pytest.mark.integration


@pytest.fixture
def archive(engine: Engine) -> None:
    """Three items; the newest five days after the others."""
    late = NOON + timedelta(days=5, minutes=59)
    rows = [item("1"), item("2", tone=NEUTRAL, topics=("macro",)), item("3", at=late)]
    with transaction(engine) as session:
        store_items(session, rows, [Progress("news.raw.v1", 0, 3, late)])


@pytest.mark.usefixtures("archive")
def test_a_trend_is_printed_as_a_table(shell: Shell) -> None:
    text = shell.run("trends", "--entity", SVB.name.lower())

    assert f"{SVB.name}, 2023-03-07 12:00 to 2023-03-14 13:00 UTC" in text
    assert "2023-03-09 12:00" in text
    assert "accounts negative neutral positive stories sources mean score" in text


@pytest.mark.usefixtures("archive")
def test_a_trend_is_written_as_csv_and_json(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "trend.csv"
    shell.run("trends", "--topic", "macro", "--output", str(path))
    told = json.loads(shell.run("trends", "--window", "1d", "--format", "json"))

    [row] = csv.DictReader(StringIO(path.read_text(encoding="utf-8")))
    assert (row["start"], row["accounts"], row["neutral"]) == ("2023-03-09T12:00:00Z", "1", "1")
    assert [each["start"] for each in told] == ["2023-03-09T00:00:00Z", "2023-03-14T00:00:00Z"]
    assert [each["negative_share"] for each in told] == [0.5, 1.0]


def test_a_trend_of_a_known_company_without_news_is_empty_and_no_error(shell: Shell) -> None:
    assert "no news" in shell.run("trends", "--entity", "Apple")
    assert shell.run("trends", "--entity", "Apple", "--format", "csv").count("\n") == 1


def test_an_unknown_name_is_told_with_what_to_give(shell: Shell) -> None:
    assert "symbol" in shell.run("trends", "--entity", "No Such Company", status=2)
    assert "macro" in shell.run("trends", "--topic", "weather", status=2)
