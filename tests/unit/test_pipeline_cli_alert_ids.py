"""Commands about an alert, given what is no id."""

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app


@pytest.mark.parametrize("command", [["explain-alert", "xyz"], ["ack", "xyz", "wanted"]])
def test_what_is_no_id_of_an_alert_is_told_with_where_ids_stand(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")

    result = CliRunner().invoke(app, command)

    assert result.exit_code == 2
    assert "'xyz' is no id of an alert, which looks like 0f0c3d0e-" in result.stderr
    assert "GET /v1/alerts" in result.stderr
