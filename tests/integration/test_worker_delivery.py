import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.stream import Stream, new_stream, news, wait_until

pytestmark = pytest.mark.integration

COUNTS = "select coalesce(sum({}), 0) from trend_5m where scope_kind = '{}'"


@pytest.fixture
def stream(bootstrap_servers: str, database_url: str, tmp_path: Path) -> Iterator[Stream]:
    one = new_stream(bootstrap_servers, database_url, tmp_path, f"t{uuid4().hex[:8]}")
    yield one
    one.stop()


def test_a_worker_that_is_killed_in_the_middle_loses_nothing_and_counts_nothing_twice(
    stream: Stream,
) -> None:
    total = 2000
    texts = [f"Northwind thing {n}{' collapse' if n % 4 == 0 else ''}" for n in range(total)]
    stream.produce([news(n, title) for n, title in enumerate(texts)])
    first = stream.start_worker(TEST_DELAY_S="0.1", TAPEWATCH_WORKER__MAX_ITEMS="100")
    wait_until(lambda: stream.stored() >= total / 4)
    first.kill()
    before = stream.stored()

    stream.start_worker()
    wait_until(lambda: stream.progress() == total)

    assert total / 4 <= before < total
    assert stream.stored() == total
    for kind in ("market", "entity", "topic"):
        assert stream.one(COUNTS.format("items", kind)) == total
        assert stream.one(COUNTS.format("accounts", kind)) == total
        assert stream.one(COUNTS.format("negative", kind)) == total / 4
    ids = {json.loads(message.value)["id"] for message in stream.read(stream.kafka.scored_topic)}
    assert len(ids) == total


def test_poison_reaches_the_dead_letter_with_its_reason_and_stops_nothing(stream: Stream) -> None:
    stream.produce([news(n) for n in range(50)])
    stream.produce([b"\xff not utf-8", b"{}", news(1000, "EXPLODE")], headers=[("trace", b"42")])
    stream.produce([news(n) for n in range(50, 100)])

    worker = stream.start_worker()
    wait_until(lambda: stream.progress() == 103)
    status = worker.terminate()

    assert status == 0
    assert stream.stored() == 100
    letters = {
        dict(message.headers)["tapewatch-reason"]: message
        for message in stream.read(stream.kafka.dead_letter_topic)
    }
    assert set(letters) == {b"not_utf8", b"missing_date", b"not_processable"}
    headers = dict(letters[b"not_utf8"].headers)
    assert letters[b"not_utf8"].value == b"\xff not utf-8"
    assert letters[b"not_utf8"].key == b"\xff not utf-8"
    assert headers["trace"] == b"42"
    assert headers["tapewatch-topic"] == stream.kafka.raw_topic.encode()
    assert int(headers["tapewatch-partition"]) in range(4)
    assert int(headers["tapewatch-offset"]) >= 0
    assert stream.committed() == 103


def test_a_worker_that_is_asked_to_stop_leaves_quickly_and_the_next_one_goes_on(
    stream: Stream,
) -> None:
    stream.produce([news(n) for n in range(600)])
    first = stream.start_worker(TEST_DELAY_S="0.5", TAPEWATCH_WORKER__MAX_ITEMS="50")
    wait_until(lambda: stream.stored() >= 50)
    status = first.terminate()
    committed, stored = stream.committed(), stream.stored()

    stream.start_worker()
    wait_until(lambda: stream.progress() == 600)

    assert status == 0
    assert first.said("worker_stopped") == 1
    assert committed == stored < 600  # what was finished is committed: nothing comes again
    assert not list((stream.folder / "state").glob(str(first.process.pid)))
    assert len(stream.read(stream.kafka.scored_topic)) == 600


def test_two_workers_share_the_partitions_and_one_takes_over_when_the_other_dies(
    stream: Stream,
) -> None:
    one = stream.start_worker()
    other = stream.start_worker()
    wait_until(lambda: one.said("worker_started") and other.said("worker_started"))
    stream.produce([news(n) for n in range(200)])
    wait_until(lambda: stream.progress() == 200)
    other.kill()

    stream.produce([news(n) for n in range(200, 400)])
    wait_until(lambda: stream.progress() == 400)

    assert stream.stored() == 400
