"""`tapewatch explain --item`: a stored item, as the worker read it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.engine import Engine
from pipeline.cli.main import app
from tests.integration.samples import item, store
from tests.tiny_models import save_model

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    monkeypatch.setenv("TAPEWATCH_MODEL__PATH", str(save_model(tmp_path)))
    monkeypatch.setenv("TAPEWATCH_MODEL__DEVICE", "cpu")


def test_a_stored_item_is_explained_by_its_id_with_title_and_body(engine: Engine) -> None:
    store(engine, replace(item("a"), title="Bank falls", body="Fraud, loss"), item("b"))

    result = CliRunner().invoke(app, ["explain", "--item", "a", "--json"])

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["text"] == "Bank falls\nFraud, loss"
    assert [word["text"] for word in found["words"]] == ["Bank", "falls", "Fraud", ",", "loss"]


@pytest.mark.usefixtures("engine")
def test_an_item_that_is_not_stored_is_told() -> None:
    result = CliRunner().invoke(app, ["explain", "--item", "nothing"])

    assert result.exit_code == 1
    assert result.stderr == "error: no item 'nothing' is stored; v_items lists the ids\n"
