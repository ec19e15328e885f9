"""A shell for the tests of the commands that work on the database directly."""

import pytest

from tests.integration.commands.shell import Shell
from tests.integration.web_client import SECRET_KEY


@pytest.fixture
def shell(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell whose settings name a fresh, migrated database."""
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    monkeypatch.setenv("TAPEWATCH_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TAPEWATCH_DELIVERY__ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "160")
    return Shell(monkeypatch, capsys)
