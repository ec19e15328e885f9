"""`tapewatch migrate`, and what other commands say before it."""

import pytest

from db.migrate import current, head
from tests.integration.commands.shell import Shell

pytestmark = pytest.mark.integration


def test_a_database_that_is_not_migrated_is_told(
    shell: Shell, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)

    for arguments in (("trends",), ("subscriptions", "list"), ("subscribe", "https://a.example/")):
        assert "run `tapewatch migrate`" in shell.run(*arguments, status=1)


def test_migrate_without_a_broker_makes_the_schema_and_says_what_to_do(
    shell: Shell, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)
    monkeypatch.setenv("TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    said = shell.run("migrate", status=1)

    assert said.startswith("error: the Kafka broker cannot be used: ")
    assert "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS" in said
    assert current(empty_database_url) == head()


def test_migrate_makes_schema_and_topics_and_can_be_repeated(
    shell: Shell,
    empty_database_url: str,
    bootstrap_servers: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", empty_database_url)
    monkeypatch.setenv("TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS", bootstrap_servers)
    monkeypatch.setenv("TAPEWATCH_KAFKA__RAW_TOPIC", "raw-of-the-commands")

    assert "raw-of-the-commands" in shell.run("migrate")
    assert "topics exist" in shell.run("migrate")
    assert "no subscriptions" in shell.run("subscriptions", "list")
