import asyncio
import io
import json
import logging
import random
import threading
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from pipeline import log
from pipeline.backoff import Outage, Stopping, persist, persist_for, waits
from pipeline.ticking import Ticking


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(json=True, level="info", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


def events(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


@given(st.integers())
def test_waits_double_up_to_the_bound_with_jitter(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    ceilings = [0.2, 0.4, 0.8, 1.0, 1.0]

    for wait, ceiling in zip(islice(waits(rng, first_s=0.2, most_s=1.0), 5), ceilings, strict=True):
        assert ceiling / 2 <= wait <= ceiling


def test_an_outage_is_said_once_for_each_cause_and_once_when_over(logged: io.StringIO) -> None:
    outage = Outage("database")

    for error in (OSError("refused"), OSError("refused"), TimeoutError(), TimeoutError()):
        outage.failed(error)
    outage.succeeded()
    outage.succeeded()

    assert events(logged) == ["away", "away", "back"]


async def test_persist_tries_until_it_works() -> None:
    failures = iter([ConnectionError(), ConnectionError()])

    async def attempt() -> str:
        for failure in failures:
            raise failure
        return "done"

    result = await persist(
        attempt,
        outage=Outage("x"),
        is_away=lambda error: isinstance(error, ConnectionError),
        stopping=asyncio.Event(),
    )

    assert result == "done"


async def test_persist_does_not_hide_a_bug() -> None:
    async def attempt() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await persist(
            attempt, outage=Outage("x"), is_away=lambda _: False, stopping=asyncio.Event()
        )


async def test_persist_gives_up_at_once_when_the_process_is_to_stop() -> None:
    stopping = asyncio.Event()
    stopping.set()

    async def attempt() -> None:
        raise ConnectionError

    with pytest.raises(Stopping):
        await persist(attempt, outage=Outage("x"), is_away=lambda _: True, stopping=stopping)


def test_persist_for_ends_with_the_last_failure_when_the_time_is_over() -> None:
    def attempt() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        persist_for(attempt, outage=Outage("x"), is_away=lambda _: True, most_s=0.3)


def test_turns_that_a_long_run_misses_are_no_line_in_the_log(logged: io.StringIO) -> None:
    ran, end = threading.Event(), threading.Event()

    def job() -> None:
        ran.set()
        end.wait(5)

    ticking = Ticking(threads=1)
    ticking.add(job, every_s=0.05)
    ticking.start()
    ran.wait(5)
    end.wait(0.4)
    logging.getLogger("apscheduler.scheduler").warning("something else")
    end.set()
    ticking.shutdown()

    assert events(logged) == ["something else"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_level_lets_the_http_client_log_an_address(level: str) -> None:
    stream = io.StringIO()
    log.configure(json=True, level=level, stream=stream)
    secret = "https://hooks.example/services/s3cret?token=t0ken"

    def server(request: httpx.Request) -> httpx.Response:
        logging.getLogger("httpcore.connection").debug("connect_tcp.started %s", request.url)
        return httpx.Response(200)

    httpx.Client(transport=httpx.MockTransport(server)).get(secret)
    logging.getLogger("pipeline.mine").warning("said")
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()

    assert events(stream) == ["said"]


def test_a_library_repeats_itself_only_once_a_minute(logged: io.StringIO) -> None:
    for _ in range(5):
        logging.getLogger("aiokafka.conn").error("cannot connect to %s", "broker")
        logging.getLogger("pipeline.mine").error("said each time")

    assert events(logged).count("cannot connect to broker") == 1
    assert events(logged).count("said each time") == 5


def test_a_slow_step_of_the_kafka_client_is_not_told_but_its_errors_are(
    logged: io.StringIO,
) -> None:
    client = logging.getLogger("kafka.net.selector")
    # As the client words it.
    client.warning("Task <t> ran for 0.2s (>0.1s threshold). It is blocking the event loop -- ...")
    client.warning("Wakeup socket returned empty. Rebuilding.")

    assert events(logged) == ["Wakeup socket returned empty. Rebuilding."]
