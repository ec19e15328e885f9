"""Every command that changes something is in the audit log, and none that changed nothing."""

from uuid import uuid4

import pytest

from db.alerts import save_alerts
from db.engine import Engine, transaction
from tests.integration.commands.shell import Shell
from tests.integration.samples import alert, event

pytestmark = pytest.mark.integration


def test_every_command_that_changes_something_is_in_the_audit_log(
    shell: Shell, engine: Engine
) -> None:
    fired = alert()
    with transaction(engine) as session:
        save_alerts(session, [(fired, event(fired))])
    made = shell.run("subscribe", "http://127.0.0.1:9000/hook").split()[1]
    shell.run("subscriptions", "rotate", made)
    shell.run("subscriptions", "test", made, "--wait-s", "0", status=1)
    shell.run("subscriptions", "pause", made)
    shell.run("subscriptions", "resume", made)
    shell.run("subscriptions", "replay", made, "--since", "1d")
    shell.run("subscriptions", "remove", made)
    shell.run("watchlists", "set", "lenders", "SIVB")
    shell.run("watchlists", "remove", "lenders")
    silenced = shell.run("silence", "--entity", "SIVB", "--reason", "known").split()[0]
    shell.run("silences", "end", silenced)
    shell.run("ack", str(fired.id), "wanted")

    # What changes nothing leaves no row.
    shell.run("subscriptions", "remove", str(uuid4()), status=1)
    shell.run("watchlists", "remove", "none", status=1)
    shell.run("silences", "end", str(uuid4()), status=1)
    shell.run("ack", str(uuid4()), "wanted", status=1)

    lines = shell.run("audit").splitlines()
    done = [line.split("tapewatch ")[1].split("  ") for line in reversed(lines)]
    assert done == [
        ["subscribe", made],
        *(
            [f"subscriptions {deed}", made]
            for deed in ("rotate", "test", "pause", "resume", "replay", "remove")
        ),
        ["watchlists set", "lenders"],
        ["watchlists remove", "lenders"],
        ["silence", silenced],
        ["silences end", silenced],
        ["ack", str(fired.id)],
    ]
