"""The API on a real database and a real broker."""

from datetime import timedelta
from uuid import uuid4

import pytest

from alerts.messages import AlertEvent
from alerts.types import TransitionKind
from db.alert_rows import AlertRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Progress, ScopeKind, SeriesKey
from pipeline.connection import StoppedWaiting
from pipeline.ingest import Publisher
from pipeline.offsets import OffsetReader
from pipeline.settings import Settings
from pipeline.stages.alerting import said_of
from pipeline.topics import BrokerAway, BrokerRefused, ensure_topics
from tests.integration.samples import NEUTRAL, NOON, SVB, alert, item, mention
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration

ITEM = {"published_at": "2023-03-09T12:00:00+01:00", "title": "Bank fails", "source": "wire"}


@pytest.fixture
def settings(database_url: str, bootstrap_servers: str) -> Settings:
    """Settings of a migrated database and of topics of their own."""
    made = web_settings(
        database_url=database_url,
        bootstrap_servers=bootstrap_servers,
        raw_topic=f"raw-{uuid4().hex[:8]}",
    )
    ensure_topics(made.kafka)
    return made


def on_the_topic(settings: Settings) -> int:
    """Return how many messages the raw topic holds."""
    with OffsetReader(settings.kafka) as reader:
        return sum(reader.end_offsets(settings.kafka.raw_topic).values())


@pytest.mark.parametrize(
    "body", [ITEM, [ITEM, ITEM | {"title": "b"}], {"items": [ITEM]}], ids=["one", "list", "items"]
)
async def test_a_pushed_item_is_on_the_topic_when_it_is_accepted(
    settings: Settings, body: object
) -> None:
    async with web_client(settings) as client:
        answer = await client.post("/v1/items", json=body)

    assert answer.status_code == 202
    assert answer.json()["errors"] == []
    assert len(answer.json()["ids"]) == answer.json()["accepted"] == on_the_topic(settings)


async def test_an_item_that_is_not_valid_is_named_and_does_not_stop_the_others(
    settings: Settings,
) -> None:
    bad = [ITEM | {"published_at": "3000-01-01T00:00:00Z"}, ITEM | {"title": "\x00<p> </p>"}, 7]
    async with web_client(settings) as client:
        mixed = await client.post("/v1/items", json=[bad[0], ITEM, *bad[1:]])
        only_bad = await client.post("/v1/items", json=bad)
        none = await client.post("/v1/items", json=[])

    assert mixed.status_code == 202
    assert mixed.json()["accepted"] == 1
    reasons = [(error["index"], error["reason"]) for error in mixed.json()["errors"]]
    assert reasons == [(0, "future_date"), (2, "missing_title"), (3, "not_object")]
    assert only_bad.status_code == 422
    assert len(only_bad.json()["errors"]) == 3
    assert (none.status_code, none.json()["accepted"]) == (202, 0)
    assert on_the_topic(settings) == 1


@pytest.mark.parametrize("kind", [BrokerAway, BrokerRefused, StoppedWaiting])
async def test_an_item_is_not_accepted_while_the_broker_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: type[BrokerAway]
) -> None:
    def away(*_: object) -> None:
        raise kind("nobody answers")

    monkeypatch.setattr(Publisher, "publish_all", away)

    async with web_client(settings) as client:
        answer = await client.post("/v1/items", json=ITEM)

    assert answer.status_code == 503
    assert answer.json()["detail"] == "the broker is away; try again"
    assert answer.headers["retry-after"]


async def test_it_is_ready_once_all_is_there_and_tells_the_lag(settings: Settings) -> None:
    async with web_client(settings) as client:
        before = await client.get("/readyz")
        await client.post("/v1/items", json=ITEM)
    async with web_client(settings) as client:
        after = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text

    assert before.status_code == 200, before.text
    assert after.status_code == 200
    assert sum(each["messages"] for each in after.json()["lag"]) == 1
    assert 'tapewatch_ready{check="lag"} 1.0' in metrics
    assert "tapewatch_undelivered_events 0.0" in metrics


async def test_a_topic_or_a_schema_that_is_missing_is_told_from_one_that_is_away(
    empty_database_url: str, bootstrap_servers: str
) -> None:
    settings = web_settings(database_url=empty_database_url, bootstrap_servers=bootstrap_servers)
    async with web_client(settings) as client:
        checks = (await client.get("/readyz")).json()["checks"]
        alerts = await client.get("/v1/alerts")

    assert checks["database"]["ok"]
    assert "run `tapewatch migrate`" in checks["migrations"]["detail"]
    assert "run `tapewatch migrate`" in checks["broker"]["detail"]
    assert alerts.status_code == 503
    assert "run `tapewatch migrate`" in alerts.json()["detail"]


def say(engine: Engine, row: AlertRow, kind: TransitionKind) -> AlertEvent:
    """Store one event of an alert as the scheduler does; return it as receivers get it."""
    event = said_of(row, kind)
    with transaction(engine) as session:
        save_alerts(session, [(row, event)])
    return AlertEvent.model_validate_json(event.body)


async def test_an_alert_looks_like_the_body_of_the_webhook(
    settings: Settings, engine: Engine
) -> None:
    evidence = (mention("a"), mention("b"))
    fired = alert(evidence=evidence)
    resolved = alert(revision=2, state="resolved", evidence=evidence)
    later = alert(fired_at=NOON + timedelta(days=1))
    first = say(engine, fired, TransitionKind.FIRED).model_dump(mode="json")
    last = say(engine, resolved, TransitionKind.RESOLVED).model_dump(mode="json")
    newer = say(engine, later, TransitionKind.FIRED).model_dump(mode="json")

    async with web_client(settings) as client:
        listed = await client.get("/v1/alerts")
        firing = await client.get("/v1/alerts", params={"state": "firing"})
        old = await client.get("/v1/alerts", params={"until": "2023-03-10"})
        one = await client.get(f"/v1/alerts/{fired.id}")
        events = await client.get(f"/v1/alerts/{fired.id}/events")
        none = await client.get(f"/v1/alerts/{uuid4()}")

    assert listed.json() == {"alerts": [newer, last], "next_cursor": None}
    assert firing.json() == {"alerts": [newer], "next_cursor": None}
    assert old.json() == {"alerts": [last], "next_cursor": None}
    assert one.json() == last
    assert events.json() == {"events": [first, last]}
    assert none.status_code == 404


async def test_alerts_are_found_by_the_name_of_the_company(
    settings: Settings, engine: Engine
) -> None:
    say(engine, alert(key=SeriesKey(ScopeKind.ENTITY, "SIVB")), TransitionKind.FIRED)

    async with web_client(settings) as client:
        found = await client.get("/v1/alerts", params={"entity": "silicon valley bank"})
        other = await client.get("/v1/alerts", params={"topic": "macro"})
        unknown = await client.get("/v1/alerts", params={"entity": "No Such Company"})
        none_wanted = await client.get("/v1/alerts", params={"limit": 0})
        both = await client.get("/v1/alerts", params={"entity": "SIVB", "topic": "macro"})

    assert len(found.json()["alerts"]) == 1
    assert other.json() == {"alerts": [], "next_cursor": None}
    assert unknown.status_code == 404
    assert both.status_code == 400
    assert none_wanted.status_code == 422


def store(engine: Engine, settings: Settings) -> None:
    """Store three items, the newest five days after the others, as a worker does."""
    late = NOON + timedelta(days=5, minutes=59)
    rows = [item("1"), item("2", tone=NEUTRAL, topics=("macro",)), item("3", at=late)]
    progress = [Progress(settings.kafka.raw_topic, 0, 3, late)]
    with transaction(engine) as session:
        store_items(session, rows, progress)


async def test_a_trend_counts_back_from_the_newest_item_not_from_the_clock(
    settings: Settings, engine: Engine
) -> None:
    store(engine, settings)

    async with web_client(settings) as client:
        told = (await client.get("/v1/trends", params={"entity": SVB.name})).json()
        last_day = (await client.get("/v1/trends", params={"since": "1d", "window": "1d"})).json()

    assert told["scope"] == {"kind": "entity", "id": SVB.id, "name": SVB.name}
    assert [(b["start"], b["items"], b["negative"]) for b in told["buckets"]] == [
        ("2023-03-09T12:00:00Z", 2, 1),
        ("2023-03-14T12:00:00Z", 1, 1),
    ]
    assert told["until"] == "2023-03-14T13:00:00Z"
    assert last_day["scope"]["kind"] == "market"
    assert [b["items"] for b in last_day["buckets"]] == [1]


@pytest.mark.parametrize(
    "params",
    [
        {"window": "7m"},
        {"window": "0h"},
        {"since": "yesterday"},
        {"since": "2024-01-01", "until": "2023-01-01"},
        {"window": "5m", "since": "1990-01-01"},
        {"since": "99999w"},
        {"until": "9998-12-31T23:59Z", "window": "99999d"},
    ],
    ids=str,
)
async def test_a_trend_that_cannot_be_told_is_refused_with_the_reason(
    settings: Settings, engine: Engine, params: dict[str, str]
) -> None:
    store(engine, settings)

    async with web_client(settings) as client:
        answer = await client.get("/v1/trends", params=params)

    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
