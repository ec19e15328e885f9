"""Delivery on a real database to real endpoints, at a time that a test moves."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import standardwebhooks
import svix.webhooks
from jsonschema import Draft202012Validator

from alerts.delivery.secrets import encrypt, new_secret
from alerts.delivery.transport import guarded_client
from alerts.types import TransitionKind
from db.alert_rows import AlertRow
from db.alerts import save_alerts
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.subscriptions import create_subscription
from pipeline.stages.alerting import said_of
from pipeline.stages.deliver import Lanes
from pipeline.stages.sending import ChatMessage, SignedPost, ToTarget
from tests.compose import ROOT
from tests.integration.endpoints import Receiver
from tests.integration.samples import NOON, alert, minutes
from tests.integration.web_client import SECRET_KEY

SECRET = new_secret()
OF_ALERTS = {kind.value: "alert.v1.json" for kind in TransitionKind}


class Watch:
    """Delivers on a real database, at a time that a test moves; endpoints look at the real clock.

    Attributes:
        lost: How much later than the real time it is.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lost = timedelta(0)
        self._said = 0
        self._client = guarded_client(allow_hosts=["127.0.0.1"])
        self._send = ToTarget(
            SignedPost(self._client, key=SECRET_KEY, timeout_s=5.0),
            ChatMessage(
                key=SECRET_KEY,
                allow_hosts=["127.0.0.1"],
                desk_url="https://watch.example/desk",
                timeout_s=5.0,
            ),
        )
        self._lanes = Lanes(
            engine,
            send=lambda row, now: self._send(row, now=now - self.lost),
            timeout_s=5.0,
            now=lambda: datetime.now(UTC) + self.lost,
        )

    def subscribe(self, url: str, **columns: Any) -> UUID:
        """Add a subscription with these filters and times, and return its id."""
        columns = {"secret": encrypt(SECRET, SECRET_KEY), "description": "to the bus"} | columns
        row = SubscriptionRow(uuid4(), url, **columns)
        with transaction(self.engine) as session:
            create_subscription(session, row)
        return row.id

    def tell(self, *rows: AlertRow) -> None:
        """Store alerts as they stand, each with the event that says so."""
        with transaction(self.engine) as session:
            for row in rows:
                kind = TransitionKind.UPDATED if row.revision > 1 else TransitionKind.FIRED
                kind = TransitionKind.RESOLVED if row.state == "resolved" else kind
                save_alerts(session, [(row, said_of(row, kind))])

    def say(self, *, count: int = 1) -> None:
        """Fire so many alerts."""
        for _ in range(count):
            self._said += 1
            self.tell(alert(fired_at=NOON + minutes(self._said)))

    def deliver(self) -> int:
        """Send all that is due, also what follows from it; return how much that was."""
        sent = 0
        while claimed := self._lanes.tick():
            assert self._lanes.wait_idle(20)
            sent += claimed
        return sent

    def close(self) -> None:
        """End the lanes."""
        assert self._lanes.close(10)
        self._client.close()


def verified(heard: Receiver) -> list[dict[str, object]]:
    """Return what an endpoint received, once both libraries and the schemas accept it."""
    events = []
    for headers, body in heard.received:
        standardwebhooks.Webhook(SECRET).verify(body, headers)
        svix.webhooks.Webhook(SECRET).verify(body, headers)
        event = json.loads(body)
        name = OF_ALERTS.get(event["type"], f"{event['type']}.v1.json")
        schema = json.loads((ROOT / "docs" / "schemas" / name).read_text())
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            event
        )
        assert len(body) < 20_000
        events.append(event)
    return events


def types(heard: Receiver) -> list[object]:
    return [event["type"] for event in verified(heard)]
