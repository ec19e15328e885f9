"""Subscriptions and watchlists on the command line."""

import json
from uuid import uuid4

import pytest

from alerts.delivery.secrets import decrypt, new_secret
from db.engine import Engine, transaction
from db.subscriptions import list_subscriptions
from tests.integration.commands.shell import Shell
from tests.integration.web_client import SECRET_KEY

pytestmark = pytest.mark.integration


def test_a_secret_is_rotated_and_shown_once(shell: Shell, engine: Engine) -> None:
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9000/", "--json"))
    said = shell.run("subscriptions", "rotate", made["id"], "--overlap-h", "0")
    with transaction(engine) as session:
        [stored] = list_subscriptions(session)

    assert said == f"secret  {decrypt(stored.secret, SECRET_KEY)}\n"
    assert made["secret"] not in said
    assert "no subscription" in shell.run("subscriptions", "rotate", str(uuid4()), status=1)


def test_quiet_hours_and_watchlists_are_set_by_commands(shell: Shell) -> None:
    assert shell.run("watchlists", "set", "lenders", "SVB") == "lenders: SIVB\n"
    times = ("--quiet", "22:00-07:00", "--digest-at", "08:30", "--time-zone", "Asia/Shanghai")
    which = ("--watchlist", "lenders", "--sector", "financials", "--language", "zh")
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9/", *times, *which, "--json"))
    shell.run("subscriptions", "pause", made["id"])
    listed = shell.run("subscriptions", "list")
    shell.run("subscriptions", "resume", made["id"])

    assert "lenders, Financials; zh" in listed
    assert "quiet 22:00-07:00, digest at 08:30 Asia/Shanghai" in listed
    assert "PAUSED" in listed
    assert "PAUSED" not in shell.run("subscriptions", "list")
    assert "filters by it" in shell.run("watchlists", "remove", "lenders", status=1)
    assert "quiet: " in shell.run("subscribe", "http://127.0.0.1:9/", "--quiet", "x", status=2)
    assert json.loads(shell.run("watchlists", "list", "--json")) == {"lenders": ["SIVB"]}


def test_a_test_event_waits_for_a_scheduler_and_a_range_is_replayed(shell: Shell) -> None:
    made = json.loads(shell.run("subscribe", "http://127.0.0.1:9/", "--json"))
    said = shell.run("subscriptions", "test", made["id"], "--wait-s", "0", status=1)
    replayed = shell.run("subscriptions", "replay", made["id"], "--since", "1h")

    assert "does a scheduler run?" in said
    assert replayed == "0 deliveries begin anew\n"
    unknown = str(uuid4())
    for command in (("test",), ("resume",), ("pause",), ("replay", "--since", "1h")):
        assert "no subscription" in shell.run("subscriptions", *command, unknown, status=1)


def test_a_subscription_is_made_listed_and_removed(shell: Shell, engine: Engine) -> None:
    secret = new_secret()
    arguments = ("http://127.0.0.1:9000/", "--entity", "svb", "--severity", "critical")
    made = json.loads(shell.run("subscribe", *arguments, "--secret", secret, "--json"))
    with transaction(engine) as session:
        [stored] = list_subscriptions(session)
    listed = shell.run("subscriptions", "list")
    removed = shell.run("subscriptions", "remove", made["id"])

    assert made["secret"] == secret == decrypt(stored.secret, SECRET_KEY)
    assert (stored.entities, stored.severities) == (("SIVB",), ("critical",))
    assert made["id"] in listed
    assert "whsec_" not in listed
    assert made["id"] in removed
    assert "no subscription" in shell.run("subscriptions", "remove", made["id"], status=1)
    assert json.loads(shell.run("subscriptions", "list", "--json")) == []


def test_a_new_secret_is_printed_once(shell: Shell) -> None:
    text = shell.run("subscribe", "http://127.0.0.1:9000/")

    assert "secret  whsec_" in text


@pytest.mark.parametrize("url", ["http://example.com/", "https://10.0.0.1/", "nonsense"])
def test_an_endpoint_that_delivery_would_refuse_is_refused_now(
    shell: Shell, engine: Engine, url: str
) -> None:
    assert shell.run("subscribe", url, status=2).startswith("error: url: ")

    with transaction(engine) as session:
        assert list_subscriptions(session) == []
