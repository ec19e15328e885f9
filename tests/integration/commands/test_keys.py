"""Keys on the command line."""

import json

import pytest

from tests.integration.commands.shell import Shell

pytestmark = pytest.mark.integration


def test_keys_are_made_listed_and_revoked_by_command(shell: Shell) -> None:
    created = shell.run("keys", "create", "feed", "--scope", "ingest", "--expires", "90d", "--json")
    key = json.loads(created)
    listed = shell.run("keys", "list")
    revoked = shell.run("keys", "revoke", key["id"])
    said = shell.run("audit")

    assert key["id"] in listed
    assert "ingest; never used; expires 20" in listed
    assert key["key"] not in listed
    assert key["id"] in revoked
    assert "REVOKED" in shell.run("keys", "list")
    assert "revoked before" in shell.run("keys", "revoke", key["id"], status=1)
    assert "tapewatch keys create" in said
    assert "tapewatch keys revoke" in said
    assert json.loads(shell.run("audit", "--json", "--limit", "1"))["target"] == key["id"]


@pytest.mark.parametrize(
    "arguments",
    [("x", "--scope", "all"), ("", "--scope", "read"), ("x", "--scope", "read", "--expires", "x")],
)
def test_a_key_that_cannot_be_made_is_told(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run("keys", "create", *arguments, status=2).startswith("error: ")
