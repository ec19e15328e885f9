"""The runbook's backup and restore, with the programs that it names."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from alerts.delivery.secrets import decrypt, encrypt, new_key, new_secret
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, create_engine, transaction
from db.migrate import current, head
from db.subscriptions import create_subscription, list_subscriptions
from pipeline.demo.embedded import psql
from tests.integration.crises import END, archive, evaluate, said, store
from tests.integration.samples import recounted_buckets, stored_buckets

pytestmark = pytest.mark.integration

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")


def run(program: str, *arguments: str) -> None:
    path = psql().with_name(program)
    if not path.exists():
        pytest.skip(f"the embedded PostgreSQL comes without {program}")
    subprocess.run([str(path), *arguments], check=True)  # noqa: S603  # our own arguments


def test_a_restored_backup_has_everything_and_goes_on(
    engine: Engine, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    assert "pg_dump -U tapewatch --format=custom" in RUNBOOK
    assert "pg_restore -U tapewatch -d tapewatch --exit-on-error" in RUNBOOK
    key, secret = new_key(), new_secret()
    with transaction(engine) as session:
        row = SubscriptionRow(uuid4(), "https://example.com/hook", encrypt(secret, key), "")
        create_subscription(session, row)
    rows = archive()
    half = len(rows) // 2
    store(engine, rows[:half])
    evaluate(engine, rows[half].published_at)
    dump = tmp_path / "tapewatch.dump"

    run("pg_dump", "--format=custom", f"--dbname={_plain(database_url)}", f"--file={dump}")
    run("pg_restore", f"--dbname={_plain(empty_database_url)}", "--exit-on-error", str(dump))

    restored = create_engine(empty_database_url)
    assert current(empty_database_url) == head()
    assert [e.body for e in said(restored)] == [e.body for e in said(engine)]
    with transaction(restored) as session:
        (subscription,) = list_subscriptions(session)
        assert decrypt(subscription.secret, key) == secret
    # Both go on to the same end.
    for each in (engine, restored):
        store(each, rows[half:])
        evaluate(each, END)
    assert [e.body for e in said(restored)] == [e.body for e in said(engine)]
    with restored.connect() as connection:
        assert stored_buckets(connection) == recounted_buckets(connection)
    restored.dispose()


def _plain(url: str) -> str:
    """Return the URL as PostgreSQL's own programs read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
