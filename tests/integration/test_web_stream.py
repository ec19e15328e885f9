"""Streams of alerts over real connections: order, resuming, several processes, limits, the desk."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from db.alert_events import alert_events, last_position
from db.alert_rows import AlertEventRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from pipeline.settings import Settings
from tests.desk_server import serving
from tests.integration.desk_archive import fill
from tests.integration.samples import NOON, alert
from tests.integration.test_web_desk_browser import BROWSER, browser, chromium  # noqa: F401  # fixtures
from tests.integration.web_client import API_KEY, web_settings

pytestmark = pytest.mark.integration

AUTH = {"Authorization": f"Bearer {API_KEY}"}
Event = dict[str, str]


def say(engine: Engine, *words: str) -> None:
    """Store one alert a word, its event's body the word in quotes."""
    for word in words:
        new = replace(alert(), id=uuid4())
        said = AlertEventRow(new.id, 1, "alert.fired", NOON, f'"{word}"')
        with transaction(engine) as session:
            save_alerts(session, [(new, said)])


@contextmanager
def stream(
    address: str, last: str | None = None, headers: dict[str, str] = AUTH
) -> Iterator[Iterator[Event]]:
    """Open a stream; yields its events, comments among them."""
    more = {} if last is None else {"Last-Event-ID": last}
    with (
        httpx.Client(timeout=20) as client,
        client.stream("GET", f"{address}/v1/alerts/stream", headers=headers | more) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parsed(answer)


def parsed(answer: httpx.Response) -> Iterator[Event]:
    event: Event = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name or "comment"] = value
        elif event:
            yield event
            event = {}


def settings_of(database_url: str, **web: Any) -> Settings:
    settings = web_settings(database_url=database_url)
    return settings.model_copy(update={"web": settings.web.model_copy(update=web)})


def test_each_process_tells_each_event_once_and_in_order(database_url: str, engine: Engine) -> None:
    settings = web_settings(database_url=database_url)
    say(engine, "before")
    with (
        serving(settings) as one,
        serving(settings) as two,
        stream(one) as first,
        stream(two) as second,
    ):
        opened = [next(first), next(second)]
        say(engine, "a", "b", "c")
        told = [[next(each) for _ in range(3)] for each in (first, second)]

    assert all("data" not in each for each in opened)
    assert [each["data"] for each in told[0]] == ['"a"', '"b"', '"c"']
    assert {each["event"] for each in told[0]} == {"alert.fired"}
    assert told[0] == told[1]


def test_who_comes_back_to_another_process_gets_what_was_missed(
    database_url: str, engine: Engine
) -> None:
    settings = web_settings(database_url=database_url)
    with serving(settings) as one, stream(one) as first:
        started = next(first)
        say(engine, "a", "b")
        seen = next(first)
    say(engine, "c")
    with serving(settings) as two:
        with stream(two, seen["id"]) as again:
            missed = [next(again) for _ in range(2)]
        with stream(two, started["id"]) as all_of_it:
            everything = [next(all_of_it) for _ in range(3)]

    assert [each["data"] for each in missed] == ['"b"', '"c"']
    assert [each["data"] for each in everything] == ['"a"', '"b"', '"c"']


def test_writers_that_commit_in_any_order_lose_no_event(engine: Engine) -> None:
    """A reader goes on after the last position, while others hold theirs back uncommitted."""
    seen: list[str] = []
    done = threading.Event()

    def write(writer: int) -> None:
        for number in range(8):
            new = replace(alert(), id=uuid4())
            body = f"{writer}/{number}"
            with transaction(engine) as session:
                save_alerts(session, [(new, AlertEventRow(new.id, 1, "alert.fired", NOON, body))])
                session.execute(text("SELECT pg_sleep(:s)"), {"s": 0.02 * (writer % 3)})

    def read() -> None:
        after = 0
        while True:
            ended = done.is_set()
            with transaction(engine) as session:
                found = alert_events(session, after=after)
            seen.extend(event.body for _, event in found)
            after = found[-1][0] if found else after
            if ended and not found:
                return

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(write, range(5)))
    done.set()
    reader.join()

    assert len(seen) == len(set(seen)) == 40


def test_a_stream_too_many_is_refused_until_one_ends(database_url: str) -> None:
    with serving(settings_of(database_url, max_streams=1)) as address:
        with stream(address) as first:
            next(first)
            refused = httpx.get(f"{address}/v1/alerts/stream", headers=AUTH)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                with stream(address) as again:
                    assert next(again)["id"] == "0"
                break
            except AssertionError:
                time.sleep(0.1)
        else:
            pytest.fail("the place was not given back")

    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_silent_stream_shows_that_it_lives(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.2)
    with serving(web_settings(database_url=database_url)) as address, stream(address) as events:
        next(events)
        assert next(events) == {"comment": "ping"}


def test_a_stream_ends_when_its_key_is_revoked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.web.following._RECHECK_S", 0.2)
    with serving(web_settings(database_url=database_url)) as address:
        keys = f"{address}/v1/keys"
        made = httpx.post(keys, json={"name": "x", "scopes": ["read"]}, headers=AUTH).json()
        with stream(address, headers={"Authorization": f"Bearer {made['key']}"}) as events:
            next(events)
            httpx.delete(f"{keys}/{made['id']}", headers=AUTH)
            assert list(events) == []


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30])
def test_an_id_that_no_event_has_is_refused(database_url: str, last: str) -> None:
    with serving(web_settings(database_url=database_url)) as address:
        headers = {**AUTH, "Last-Event-ID": last}
        answer = httpx.get(f"{address}/v1/alerts/stream", headers=headers)

    assert answer.status_code == 400


def test_the_newest_position_of_nothing_is_zero(engine: Engine) -> None:
    with transaction(engine) as session:
        assert last_position(session) == 0


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")
def test_an_open_page_shows_a_new_alert_by_itself(
    chromium: Page,  # noqa: F811  # the fixture
    database_url: str,
    engine: Engine,
) -> None:
    with serving(web_settings(database_url=database_url)) as address:
        chromium.goto(f"{address}/desk/login#key={API_KEY}")
        chromium.wait_for_url(f"{address}/desk")
        chromium.locator(".empty").first.wait_for()
        with chromium.expect_response(lambda answer: answer.url.endswith("/desk/stream")):
            chromium.reload()
        time.sleep(1)  # the stream's first look; what was said before is on the page already
        fill(engine)
        started = time.monotonic()
        chromium.locator("tbody .critical").first.wait_for()

    assert time.monotonic() - started < 5, "sooner than the page's own beat of ten seconds"
