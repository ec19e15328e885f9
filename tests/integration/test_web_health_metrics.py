"""What `/metrics` tells of the whole chain, from a real database."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from db.alert_rows import AlertEventRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Progress
from tests.integration.samples import NEUTRAL, NOON, alert, item
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration


async def told(database_url: str) -> dict[tuple[str, str], float]:
    """Return the samples of the chain's gauges by name and label."""
    async with web_client(web_settings(database_url=database_url)) as client:
        text = (await client.get("/metrics")).text
    names = ("event_to_store", "event_to_alert", "recent_items", "sources")
    return {
        (sample.name.removeprefix("tapewatch_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(tuple(f"tapewatch_{name}" for name in names))
    }


async def test_latencies_and_sentiments_are_those_of_the_last_minutes(
    database_url: str, engine: Engine
) -> None:
    now = datetime.now(UTC)
    rows = [
        item("a", at=now - timedelta(seconds=100)),
        item("b", at=now - timedelta(seconds=100), tone=NEUTRAL),
        item("late", at=now - timedelta(hours=2)),
    ]
    at = now - timedelta(seconds=50)
    with transaction(engine) as session:
        store_items(session, rows, [Progress("raw", 0, 3, now)])
        fired = alert()
        save_alerts(session, [(fired, AlertEventRow(fired.id, 1, "alert.fired", at, "{}"))])

    found = await told(database_url)

    assert found[("event_to_store_seconds", "0.95")] == pytest.approx(100, abs=20)
    assert found[("event_to_alert_seconds", "0.5")] == pytest.approx(50, abs=20)
    assert found[("recent_items", "negative")] == 1
    assert found[("recent_items", "neutral")] == 1
    assert found[("sources", "ok")] >= 1


async def test_a_replay_of_the_past_tells_no_latency(database_url: str, engine: Engine) -> None:
    with transaction(engine) as session:
        store_items(session, [item("a")], [Progress("raw", 0, 1, NOON)])

    found = await told(database_url)

    assert not {name for name, _ in found} & {"event_to_store_seconds", "event_to_alert_seconds"}
    assert found[("sources", "ok")] == 1
