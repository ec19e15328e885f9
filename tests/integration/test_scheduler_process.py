import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from alerts.delivery.secrets import encrypt, new_secret
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.items import store_items
from db.outbox import pending
from db.rows import Progress
from db.subscriptions import create_subscription
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics
from tests.integration.crises import END, archive, evaluate, forget, said, store
from tests.integration.endpoints import Receiver, receiver
from tests.integration.processes import Service, free_port, service
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

KEY = Fernet.generate_key().decode()
SECRET = new_secret()
Start = Callable[..., AbstractContextManager[Service]]
Said = Counter[tuple[str, str]]


@pytest.fixture
def topic(bootstrap_servers: str) -> str:
    run = uuid4().hex[:8]
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap_servers,
        raw_topic=f"raw-{run}",
        scored_topic=f"scored-{run}",
        dead_letter_topic=f"dead-{run}",
    )
    ensure_topics(kafka)
    return kafka.raw_topic


@pytest.fixture
def start(database_url: str, bootstrap_servers: str, topic: str, tmp_path: Path) -> Start:
    environment = {
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "TAPEWATCH_KAFKA__RAW_TOPIC": topic,
        "TAPEWATCH_DETECT__TICK_S": "0.2",
        "TAPEWATCH_DELIVERY__TICK_S": "0.1",
        "TAPEWATCH_DELIVERY__ALLOW_HOSTS": "127.0.0.1",
        "TAPEWATCH_SECRET_KEY": KEY,
    }

    def run(**changed: str) -> AbstractContextManager[Service]:
        return service("scheduler", environment | changed, tmp_path / f"{uuid4().hex}.log")

    return run


@pytest.fixture
def endpoint(engine: Engine) -> Iterator[Receiver]:
    with receiver() as heard:
        with transaction(engine) as session:
            row = SubscriptionRow(uuid4(), heard.url, encrypt(SECRET, KEY), "")
            create_subscription(session, row)
        yield heard


def _store_up_to(engine: Engine, topic: str, event_at: datetime) -> None:
    """Say that the worker has stored all there is, up to an event time."""
    with transaction(engine) as session:
        store_items(session, [], [Progress(topic, 0, 1, event_at)])


def _expected(engine: Engine) -> Said:
    """Store the archive; return what is to be said of it, of which nothing is said yet."""
    store(engine, archive())
    evaluate(engine, END)
    expected = Counter((str(event.alert_id), event.type) for event in said(engine))
    forget(engine)
    return expected


def _received(endpoint: Receiver) -> Said:
    bodies = [json.loads(body) for _, body in endpoint.received]
    return Counter((body["data"]["id"], body["type"]) for body in bodies)


def _sample(port: int, name: str) -> float:
    """Return one sample of a process's metrics; 0 while there is none."""
    try:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return 0.0
    samples = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return next((float(value) for sample, value in samples if sample == name), 0.0)


def _nothing_waits(engine: Engine) -> bool:
    with transaction(engine) as session:
        return pending(session) == 0


def _settled(engine: Engine, endpoint: Receiver, count: int) -> bool:
    return len(endpoint.received) >= count and _nothing_waits(engine)


def test_two_schedulers_fire_each_alert_once_and_deliver_each_event_once(
    engine: Engine, topic: str, start: Start, endpoint: Receiver
) -> None:
    expected = _expected(engine)
    _store_up_to(engine, topic, END)

    with start() as one, start() as other:
        until(lambda: _settled(engine, endpoint, expected.total()), within_s=60)
        until(lambda: all(process.logged("scheduler_started") for process in (one, other)), 30)
        assert [process.terminate()[0] for process in (one, other)] == [0, 0]

    assert _received(endpoint) == expected
    assert Counter((str(event.alert_id), event.type) for event in said(engine)) == expected
    for headers, body in endpoint.received:
        Webhook(SECRET).verify(body, headers)


def test_one_scheduler_takes_over_when_the_other_is_killed(
    engine: Engine, topic: str, start: Start, endpoint: Receiver
) -> None:
    expected = _expected(engine)
    rows = archive()

    short = {"TAPEWATCH_DELIVERY__TIMEOUT_S": "1"}  # and so are the leases of the killed one
    with start(**short) as one, start(**short) as other:
        until(lambda: all(process.logged("scheduler_started") for process in (one, other)), 30)
        _store_up_to(engine, topic, rows[len(rows) // 2].published_at)
        until(lambda: bool(endpoint.received), within_s=30)
        one.kill()
        _store_up_to(engine, topic, END)
        until(lambda: set(_received(endpoint)) == set(expected), within_s=60)

    # An event may come twice, with the same id, if the killed one had sent and not recorded it.
    ids = {headers["webhook-id"] for headers, _ in endpoint.received}
    assert len(ids) == expected.total()


def test_a_scheduler_ends_in_time_while_an_endpoint_hangs(
    engine: Engine, topic: str, start: Start, endpoint: Receiver
) -> None:
    _expected(engine)
    _store_up_to(engine, topic, END)
    endpoint.delay_s = 60.0

    with start() as scheduler:
        until(lambda: bool(endpoint.received), within_s=60)
        status, took_s = scheduler.terminate()

    assert status == 0
    assert took_s < 10


def test_a_database_that_is_not_there_is_told_once_and_waited_for(
    start: Start, tmp_path: Path
) -> None:
    nowhere, port = f"postgresql://postgres@/postgres?host={tmp_path}", free_port()

    with start(TAPEWATCH_DATABASE__URL=nowhere, TAPEWATCH_METRICS_PORT=str(port)) as scheduler:
        until(lambda: _sample(port, 'tapewatch_ticks_total{result="away",task="detect"}') > 3, 30)
        until(lambda: _sample(port, 'tapewatch_ticks_total{result="away",task="deliver"}') > 3, 30)
        assert scheduler.terminate()[0] == 0

    assert [entry["what"] for entry in scheduler.logged("away")] == ["database"]


def test_a_database_that_is_not_migrated_is_waited_for(
    start: Start, empty_database_url: str
) -> None:
    with start(TAPEWATCH_DATABASE__URL=empty_database_url) as scheduler:
        until(lambda: bool(scheduler.logged("away")), within_s=30)
        assert "run `tapewatch migrate`" in scheduler.logged("away")[0]["detail"]
        assert scheduler.terminate()[0] == 0


def test_deliveries_go_on_while_the_broker_is_away(
    engine: Engine, start: Start, endpoint: Receiver
) -> None:
    store(engine, archive())
    evaluate(engine, END)

    with start(TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1") as scheduler:
        until(lambda: _settled(engine, endpoint, len(said(engine))), within_s=60)
        until(lambda: bool(scheduler.logged("away")), within_s=30)
        status, took_s = scheduler.terminate()

    assert [entry["what"] for entry in scheduler.logged("away")] == ["broker"]
    assert (status, took_s < 10) == (0, True)


def test_a_bug_ends_the_process_with_a_status_that_says_so(
    engine: Engine, topic: str, start: Start
) -> None:
    store(engine, archive())
    _store_up_to(engine, topic, END)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE detect_states RENAME COLUMN state TO other")

    with start() as scheduler:
        assert scheduler.process.wait(30) not in (0, -signal.SIGTERM)
