"""The log of deliveries by the API, and sending one again, on a real database."""

import pytest

from db.alerts import save_alerts
from db.endpoints import disable
from db.engine import Engine, transaction
from db.outbox import claim, record_attempt
from db.subscriptions import create_subscription
from tests.integration.samples import NOON, alert, event, minutes, subscription
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration


def _die(engine: Engine) -> None:
    with transaction(engine) as session:
        for row in claim(session, now=NOON, limit=10, lease=minutes(1)):
            record_attempt(
                session,
                row.id,
                at=NOON,
                outcome="failed",
                status=401,
                detail="status",
                duration_ms=12,
                next_attempt_at=None,
            )


async def test_a_dead_delivery_is_listed_with_its_attempts_and_sent_again(
    engine: Engine, database_url: str
) -> None:
    receiver = subscription()
    with transaction(engine) as session:
        create_subscription(session, receiver)
        for number in range(3):
            row = alert(fired_at=NOON + minutes(number))
            save_alerts(session, [(row, event(row))])
    _die(engine)

    async with web_client(web_settings(database_url=database_url)) as client:
        first = (await client.get("/v1/deliveries?state=dead&limit=2")).json()
        second = (await client.get(f"/v1/deliveries?cursor={first['next_cursor']}")).json()
        dead = first["deliveries"][0]
        log = (await client.get(f"/v1/deliveries/{dead['id']}/attempts")).json()["attempts"]
        replayed = await client.post(f"/v1/deliveries/{dead['id']}/replay")
        twice = await client.post(f"/v1/deliveries/{dead['id']}/replay")
        unknown = await client.post("/v1/deliveries/msg_none/replay")
        with transaction(engine) as session:
            again = claim(session, now=NOON, limit=10, lease=minutes(1))
            disable(session, receiver.id, "paused")
        disabled = await client.post(f"/v1/deliveries/{dead['id']}/replay")

    assert (len(first["deliveries"]), len(second["deliveries"])) == (2, 1)
    assert second["next_cursor"] is None
    assert [(each["outcome"], each["status"]) for each in log] == [("failed", 401)]
    assert (replayed.status_code, twice.status_code) == (202, 409)
    assert (unknown.status_code, disabled.status_code) == (404, 409)
    assert [(row.id, row.attempts) for row in again] == [(dead["id"], 0)]
